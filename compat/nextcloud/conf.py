"""Settings; each variable is explained in `.env.example`."""

from environment import content_of, env

NEXTCLOUD_MODEL: int = env.int("FACE_MODEL", default=4)  # for keys whose model is not set in the admin
NEXTCLOUD_68_POINTS: bool = env.bool("FACEAPP_NEXTCLOUD_68_POINTS", default=False)
NEXTCLOUD_MAX_AREA: int = env.int("FACEAPP_NEXTCLOUD_MAX_AREA", default=3840 * 2160)  # pixels
NEXTCLOUD_WAIT_SECONDS: float = env.float("FACEAPP_NEXTCLOUD_WAIT_SECONDS", default=3600.0)
NEXTCLOUD_CLIENT: str = env.str("FACEAPP_NEXTCLOUD_CLIENT", default="nextcloud")
NEXTCLOUD_KEY: str = env.str("FACEAPP_NEXTCLOUD_KEY", default="").strip() or content_of(
    env.str("FACEAPP_NEXTCLOUD_KEY_FILE", default="")
)
NEXTCLOUD_PLAIN_HTTP: list[str] = [r"^(nextcloud/)?health/?$"]  # without HTTPS as well
