"""Settings; each variable is explained in `.env.example`."""

from environment import content_of, env

FACEHASH_CLIENT: str = env.str("FACEAPP_FACEHASH_CLIENT", default="")  # for calls without a key
FACEHASH_KEY: str = env.str("FACEAPP_FACEHASH_KEY", default="").strip() or content_of(
    env.str("FACEAPP_FACEHASH_KEY_FILE", default="")
)
FACEHASH_KEY_NETWORKS: list[str] = env.list("FACEAPP_FACEHASH_KEY_NETWORKS", default=[])  # for a key that is weak
FACEHASH_POLICY: str = env.str("FACEAPP_FACEHASH_POLICY", default="replace")
FACEHASH_MIN_IMAGES: int = env.int("FACEAPP_FACEHASH_MIN_IMAGES", default=1)
FACEHASH_MAX_IMAGES: int = env.int("FACEAPP_FACEHASH_MAX_IMAGES", default=100)
FACEHASH_MAX_BYTES: int = env.int("FACEAPP_FACEHASH_MAX_BYTES", default=120 * 1024 * 1024)
FACEHASH_ORIGINS: list[str] = env.list("FACEAPP_FACEHASH_ORIGINS", default=["*"])
