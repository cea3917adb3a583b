"""The audit: how long rows are kept, and which key signs its seals."""

from environment import env, path
from faceapp.settings.paths import VAR

AUDIT_DAYS = env.int("FACEAPP_AUDIT_DAYS", default=400)  # at least 183
AUDIT_KEY_FILE = path("FACEAPP_AUDIT_KEY_FILE", VAR / "audit_key.pem")  # made at the first use
