"""Settings; each variable is explained in `.env.example`."""

from environment import env

REKOGNITION_REGION: str = env.str("FACEAPP_REKOGNITION_REGION", default="us-east-1")
