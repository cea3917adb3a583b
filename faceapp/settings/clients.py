"""Who may call, and how often."""

from environment import env

ANONYMOUS_CLIENT = env.str("FACEAPP_ANONYMOUS_CLIENT", default="")
RATE_LIMIT = env.str("FACEAPP_RATE_LIMIT", default="1200/min")
FAILED_KEY_LIMIT = env.str("FACEAPP_FAILED_KEY_LIMIT", default="60/min")  # rejected keys per address
ALLOW_RESET = env.bool("FACEAPP_ALLOW_RESET", default=False)  # for test deployments
