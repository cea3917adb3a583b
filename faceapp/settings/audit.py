"""The audit: how long rows are kept, and which key signs its seals."""

from environment import env, path
from faceapp.settings.paths import VAR

AUDIT_DAYS = env.int("FACEAPP_AUDIT_DAYS", default=400)  # at least 183
AUDIT_KEY_FILE = path("FACEAPP_AUDIT_KEY_FILE", VAR / "audit_key.pem")  # made at the first use
ERASURES_FILE = path("FACEAPP_ERASURES_FILE", AUDIT_KEY_FILE.parent / "erasures.jsonl")  # receipts of erasures
# Secret keys of earlier times, by which receipts still name what they are about (audit.receipts).
FORMER_SECRET_KEYS = env.list("FACEAPP_FORMER_SECRET_KEYS", default=[])
# Modules that know what a part of the service holds of people (people.erasure); called in this order.
FACE_HOLDERS = [
    "blacklist.erasure",
    "albums.erasure",
    "training.erasure",
    "recognition.erasure",
    "compat.rekognition.erasure",
]
