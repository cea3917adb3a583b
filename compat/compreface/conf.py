"""Settings; each variable is explained in `.env.example`."""

from environment import env

COMPREFACE_ORIGINS: list[str] = env.list("FACEAPP_COMPREFACE_ORIGINS", default=["*"])
COMPREFACE_STATIC: bool = env.bool("FACEAPP_COMPREFACE_STATIC", default=False)
# Their preflights are answered by `compat.compreface.views`: what is allowed is a matter of the key.
CORS_URLS_REGEX = (
    r"^(?!/+(?:compreface/+)?api/+v1/+(?:recognition|detection|verification|static|config|consistence)(?:/|\Z)).*\Z"
)
