"""Azure Face, one of the services that keep and search faces (docs/azure.md)."""

from environment import content_of, env

AZURE_FACE_ENDPOINT = env.str("FACEAPP_AZURE_FACE_ENDPOINT", default="")  # https://NAME.cognitiveservices.azure.com
AZURE_FACE_KEY = env.str("FACEAPP_AZURE_FACE_KEY", default="") or content_of(
    env.str("FACEAPP_AZURE_FACE_KEY_FILE", default="")
)
AZURE_FACE_API_VERSION = env.str("FACEAPP_AZURE_FACE_API_VERSION", default="v1.2-preview.1")
AZURE_FACE_SCORE = env.float("FACEAPP_AZURE_FACE_SCORE", default=0.5)  # from which two faces are one person, 0 to 1
AZURE_FACE_TRAINING_SECONDS = env.float("FACEAPP_AZURE_FACE_TRAINING_SECONDS", default=60.0)
# For tests: an endpoint on this machine without TLS.
AZURE_FACE_ALLOW_LOOPBACK = env.bool("FACEAPP_AZURE_FACE_ALLOW_LOOPBACK", default=False)
