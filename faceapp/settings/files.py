"""Stored images, and the limits on images that callers send or name."""

from pathlib import Path
from typing import Any

from whitenoise.compress import Compressor

from environment import choice, env, path
from faceapp.settings.paths import VAR

MEDIA_ROOT = path("FACEAPP_MEDIA_ROOT", VAR / "media")
MEDIA_URL = "media/"
S3_BUCKET = env.str("FACEAPP_S3_BUCKET", default="")
S3_ENCRYPTION = choice("FACEAPP_S3_ENCRYPTION", "none", ("none", "AES256", "aws:kms"))  # by the server of the bucket
S3_KMS_KEY = env.str("FACEAPP_S3_KMS_KEY", default="")
S3_PARAMETERS = {"ServerSideEncryption": S3_ENCRYPTION} if S3_ENCRYPTION != "none" else {}
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.str("FACEAPP_S3_ENDPOINT_URL", default="") or None,
            "region_name": env.str("FACEAPP_S3_REGION", default="") or None,
            "access_key": env.str("FACEAPP_S3_ACCESS_KEY", default="") or None,
            "secret_key": env.str("FACEAPP_S3_SECRET_KEY", default="") or None,
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
            "object_parameters": S3_PARAMETERS | ({"SSEKMSKeyId": S3_KMS_KEY} if S3_KMS_KEY else {}),
        },
    }
    if S3_BUCKET
    else {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # FILE_UPLOAD_* keep images private; static files may be collected by one user and served by another.
    "staticfiles": {
        "BACKEND": "faceapp.static_storage.StaticStorage",
        "OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},
    },
}
# Source maps, most of what there is to compress, are read only by a browser's developer tools.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
ENCRYPT_FILES = env.bool("FACEAPP_ENCRYPT_FILES", default=True)  # what was encrypted is read in any case
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
# Days; 0 keeps them forever. A client's own setting takes precedence.
RETENTION_DAYS = env.int("FACEAPP_RETENTION_DAYS", default=30)  # of processed images
ALBUM_DAYS = env.int("FACEAPP_ALBUM_DAYS", default=0)  # of album images with their faces
UPLOAD_DAYS = env.int("FACEAPP_UPLOAD_DAYS", default=30)  # of album images that nobody had processed
REFERENCE_DAYS = env.int("FACEAPP_REFERENCE_DAYS", default=0)  # of people's photographs
# Position, times and serial numbers in images: removed from references only, from all, or from none.
STRIP_METADATA = env.str("FACEAPP_STRIP_METADATA", default="references")

MAX_IMAGE_BYTES = env.int("FACEAPP_MAX_IMAGE_BYTES", default=20 * 1024 * 1024)
MAX_IMAGE_PIXELS = env.int("FACEAPP_MAX_IMAGE_PIXELS", default=50_000_000)
# Of images that cannot be reduced while they are decoded: all but JPEG.
MAX_WHOLE_PIXELS = env.int("FACEAPP_MAX_WHOLE_PIXELS", default=25_000_000)
# Original photographs, for endpoints that accept larger images than the others.
MAX_ORIGINAL_BYTES = env.int("FACEAPP_MAX_ORIGINAL_BYTES", default=150 * 1024 * 1024)
MAX_ORIGINAL_PIXELS = env.int("FACEAPP_MAX_ORIGINAL_PIXELS", default=100_000_000)
MAX_BATCH_IMAGES = env.int("FACEAPP_MAX_BATCH_IMAGES", default=100)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("FACEAPP_MAX_REQUEST_BYTES", default=200 * 1024 * 1024)
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_BATCH_IMAGES
# Files of larger requests pass through temporary files, which cost a millisecond each; they are all read in the end.
FILE_UPLOAD_MAX_MEMORY_SIZE = min(DATA_UPLOAD_MAX_MEMORY_SIZE, 64 * 1024 * 1024)

URL_HOSTS = env.list("FACEAPP_URL_HOSTS", default=[])  # empty: images are never fetched
URL_TIMEOUT = env.float("FACEAPP_URL_TIMEOUT", default=10.0)
# Dangerous: allows loopback and private addresses for hosts named in full in FACEAPP_URL_HOSTS.
URL_ALLOW_PRIVATE = env.bool("FACEAPP_URL_ALLOW_PRIVATE", default=False)
IMPORT_ROOT: Path | None = path("FACEAPP_IMPORT_ROOT", VAR) if env.str("FACEAPP_IMPORT_ROOT", default="") else None
