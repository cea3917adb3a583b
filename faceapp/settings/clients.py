"""Who may call, and how often."""

from environment import env

ANONYMOUS_CLIENT = env.str("FACEAPP_ANONYMOUS_CLIENT", default="")
ANONYMOUS_REFERENCES = env.bool("FACEAPP_ANONYMOUS_REFERENCES", default=False)
KEY_DAYS = env.int("FACEAPP_KEY_DAYS", default=365)  # until a new key expires; 0: never
VERIFY_FAILURES = env.int("FACEAPP_VERIFY_FAILURES", default=30)  # of one person in an hour; 0: no limit
RATE_LIMIT = env.str("FACEAPP_RATE_LIMIT", default="1200/min")
FAILED_KEY_LIMIT = env.str("FACEAPP_FAILED_KEY_LIMIT", default="60/min")  # rejected keys per address
ALLOW_RESET = env.bool("FACEAPP_ALLOW_RESET", default=False)  # for test deployments
# What one client may store and send; 0: no limit. A client's own limits take precedence (clients.quotas).
MAX_PEOPLE = env.int("FACEAPP_MAX_PEOPLE", default=0)
MAX_TEMPLATES = env.int("FACEAPP_MAX_TEMPLATES", default=0)
MAX_STORED_MB = env.int("FACEAPP_MAX_STORED_MB", default=0)
MAX_IMAGES_A_DAY = env.int("FACEAPP_MAX_IMAGES_A_DAY", default=0)
# Calls of one client that wait for workers at the same time; 0: no limit (vision.callers).
CLIENT_WAITING = env.int("FACEAPP_CLIENT_WAITING", default=200)
CLIENT_WAITING_MB = env.int("FACEAPP_CLIENT_WAITING_MB", default=128)
