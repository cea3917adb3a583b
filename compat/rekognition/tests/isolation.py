"""What `faceapp.tests.test_isolation` asks of this dialect."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from clients.models import Client
from compat.rekognition.tests.wire import in_process, signing_key
from vision.tests.drawing import RED, picture

OPEN: set[str] = set()
NOTHING: dict[str, dict[str, Any]] = {"rekognition-root": {"__type": "ResourceNotFoundException"}}
IMAGE = {"Bytes": picture(RED)}


def caller(client: Client) -> Any:
    key, secret = signing_key(client.name)
    return in_process(key.prefix, secret)


def store(client: Client) -> None:
    aws = caller(client)
    aws.create_collection(CollectionId="staff")
    aws.index_faces(CollectionId="staff", Image=IMAGE, QualityFilter="NONE")


def ask(client: Client) -> dict[str, dict[str, Any]]:
    try:
        found = caller(client).search_faces_by_image(CollectionId="staff", Image=IMAGE)
        return {"rekognition-root": {"FaceMatches": found["FaceMatches"]}}
    except ClientError as error:
        told = error.response["Error"]
        return {"rekognition-root": {"__type": told["Code"], "Message": told["Message"]}}
