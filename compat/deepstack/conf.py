"""Settings; each variable is explained in `.env.example`."""

from environment import env

DEEPSTACK_KEY: str = env.str("FACEAPP_DEEPSTACK_KEY", default="")  # prefix of the key of callers that send none
DEEPSTACK_NETWORKS: list[str] = env.list("FACEAPP_DEEPSTACK_NETWORKS", default=[])  # from which these may call
DEEPSTACK_GALLERY: str = env.str("FACEAPP_DEEPSTACK_GALLERY", default="")  # "": the client's default gallery
DEEPSTACK_REGISTER: str = env.str("FACEAPP_DEEPSTACK_REGISTER", default="append")
