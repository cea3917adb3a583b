"""Settings; each variable is explained in `.env.example`."""

from environment import env

COMPREFACE_ORIGINS: list[str] = env.list("FACEAPP_COMPREFACE_ORIGINS", default=["*"])
COMPREFACE_STATIC: bool = env.bool("FACEAPP_COMPREFACE_STATIC", default=False)
COMPREFACE_OWN_CORS = [
    r"/+(?:compreface/+)?api/+v1/+(?:recognition|detection|verification|static|config|consistence)(?:/|\Z)"
]  # what pages may do is a matter of the key, which a preflight does not have
