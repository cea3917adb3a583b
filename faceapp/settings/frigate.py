"""The bridge for Frigate (docs/frigate.md), which `manage.py frigate_bridge` runs."""

from environment import content_of, env

FRIGATE_URL = env.str("FACEAPP_FRIGATE_URL", default="").rstrip("/")
FRIGATE_TOKEN = env.str("FACEAPP_FRIGATE_TOKEN", default="") or content_of(
    env.str("FACEAPP_FRIGATE_TOKEN_FILE", default="")
)
FRIGATE_CA_FILE = env.str("FACEAPP_FRIGATE_CA_FILE", default="")  # empty: authorities that the system trusts
FRIGATE_TOPIC = env.str("FACEAPP_FRIGATE_TOPIC", default="frigate").strip("/")
FRIGATE_CAMERAS = env.list("FACEAPP_FRIGATE_CAMERAS", default=[])  # empty: all
FRIGATE_SERVICE = env.str("FACEAPP_FRIGATE_SERVICE", default="http://127.0.0.1:8000").rstrip("/")
FRIGATE_KEY = env.str("FACEAPP_FRIGATE_KEY", default="") or content_of(env.str("FACEAPP_FRIGATE_KEY_FILE", default=""))
FRIGATE_SOURCES = env.list("FACEAPP_FRIGATE_SOURCES", default=[])  # empty: all galleries
FRIGATE_NAMES = env.bool("FACEAPP_FRIGATE_NAMES", default=False)
FRIGATE_TIMEOUT = env.float("FACEAPP_FRIGATE_TIMEOUT", default=10.0)  # seconds for a call to Frigate
FRIGATE_SEARCH_TIMEOUT = env.float("FACEAPP_FRIGATE_SEARCH_TIMEOUT", default=60.0)  # seconds for a search
