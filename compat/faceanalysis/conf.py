"""Settings; each variable is explained in `.env.example`."""

from environment import env

FACEANALYSIS_CLIENT: str = env.str("FACEAPP_FACEANALYSIS_CLIENT", default="faceanalysis")
FACEANALYSIS_REGISTRATION: bool = env.bool("FACEAPP_FACEANALYSIS_REGISTRATION", default=False)
FACEANALYSIS_ANY_PASSWORD: bool = env.bool("FACEAPP_FACEANALYSIS_ANY_PASSWORD", default=False)
FACEANALYSIS_OPEN: bool = env.bool("FACEAPP_FACEANALYSIS_OPEN", default=False)
FACEANALYSIS_IDS: str = env.str("FACEAPP_FACEANALYSIS_IDS", default="stem")
FACEANALYSIS_TOKEN_SECONDS: int = env.int("FACEAPP_FACEANALYSIS_TOKEN_SECONDS", default=500)
FACEANALYSIS_LOGIN_LIMIT: str = env.str("FACEAPP_FACEANALYSIS_LOGIN_LIMIT", default="10/min")
