"""The master key, by which the keys of clients are wrapped (`vault.master`)."""

from environment import env, path
from faceapp.settings.paths import VAR

MASTER_KEY = env.str("FACEAPP_MASTER_KEY", default="")
MASTER_KEY_COMMAND = env.str("FACEAPP_MASTER_KEY_COMMAND", default="")
MASTER_KEY_FILE = path("FACEAPP_MASTER_KEY_FILE", VAR / "master.key")  # made at the first use
