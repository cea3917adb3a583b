"""Settings; each variable is explained in `.env.example`."""

from environment import env

DEEPFACE_API_CLIENT: str = env.str("FACEAPP_DEEPFACE_API_CLIENT", default="")  # for calls without a token
DEEPFACE_API_NETWORKS: list[str] = env.list("FACEAPP_DEEPFACE_API_NETWORKS", default=[])  # from which these come
DEEPFACE_API_ORIGINS: list[str] = env.list("FACEAPP_DEEPFACE_API_ORIGINS", default=["*"])
DEEPFACE_API_PLAIN_HTTP: list[str] = [r"^deepface/?$"]  # without HTTPS as well
