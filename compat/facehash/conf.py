"""Settings; each variable is explained in `.env.example`."""

from environment import env

FACEHASH_CLIENT: str = env.str("FACEAPP_FACEHASH_CLIENT", default="")  # for calls without a key
FACEHASH_POLICY: str = env.str("FACEAPP_FACEHASH_POLICY", default="replace")
FACEHASH_MIN_IMAGES: int = env.int("FACEAPP_FACEHASH_MIN_IMAGES", default=1)
FACEHASH_MAX_IMAGES: int = env.int("FACEAPP_FACEHASH_MAX_IMAGES", default=100)
FACEHASH_MAX_BYTES: int = env.int("FACEAPP_FACEHASH_MAX_BYTES", default=120 * 1024 * 1024)
FACEHASH_ORIGINS: list[str] = env.list("FACEAPP_FACEHASH_ORIGINS", default=["*"])
