"""Settings; each variable is explained in `.env.example`."""

from environment import env

EKYC_QUALITY_GATE: str = env.str("FACEAPP_EKYC_QUALITY_GATE", default="off")  # as FACEAPP_QUALITY_GATE
EKYC_MIN_FRAMES: int = env.int("FACEAPP_EKYC_MIN_FRAMES", default=0)  # 0: three of five
EKYC_ERASE_EVERYWHERE: bool = env.bool("FACEAPP_EKYC_ERASE_EVERYWHERE", default=False)
