"""Services that keep and search faces instead of our own database, and how they are reached."""

from environment import env
from faceapp.settings.azure import AZURE_FACE_SCORE

FACE_PROCESSING_BACKEND = env.str("FACE_PROCESSING_BACKEND", default="deepface")  # of new galleries
REMOTE_BACKENDS = env.list("FACEAPP_REMOTE_BACKENDS", default=[])  # to which photographs may leave, beside that one
# Amazon Rekognition. Empty credentials: environment, profile or role, as boto3 finds them.
AWS_REGION = env.str("FACEAPP_AWS_REGION", default="")
AWS_ENDPOINT = env.str("FACEAPP_AWS_ENDPOINT", default="")  # another server that speaks the protocol
AWS_ACCESS_KEY = env.str("FACEAPP_AWS_ACCESS_KEY", default="")
AWS_SECRET_KEY = env.str("FACEAPP_AWS_SECRET_KEY", default="")
AWS_SCORE = env.float("FACEAPP_AWS_SCORE", default=80.0)  # from which two faces are one person, 0 to 100
REMOTE_SCORES = {"aws_rekognition": AWS_SCORE, "azure_face": AZURE_FACE_SCORE}  # that decide
# A call that waits for a remote service is bounded by these; what workers carry out later is repeated anyway.
REMOTE_CONNECT_SECONDS = env.float("FACEAPP_REMOTE_CONNECT_SECONDS", default=3.0)
REMOTE_READ_SECONDS = env.float("FACEAPP_REMOTE_READ_SECONDS", default=10.0)
REMOTE_ATTEMPTS = env.int("FACEAPP_REMOTE_ATTEMPTS", default=2)
REMOTE_WAIT_SECONDS = env.float("FACEAPP_REMOTE_WAIT_SECONDS", default=3.0)  # of an enrolment, for its faces to arrive
# One face for each screened image, as an older service answered with Rekognition.
AWS_RESULTS = env.bool("FACEAPP_AWS_RESULTS", default=False)
