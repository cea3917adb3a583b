from __future__ import annotations

import pytest

from clients.models import Client
from compat.rekognition.tests.wire import in_process, signing_key
from vision.tests.drawing import BLUE, RED, picture

pytestmark = pytest.mark.django_db


def test_path(client_a: Client) -> None:
    key, secret = signing_key(client_a.name)
    aws = in_process(key.prefix, secret)
    aws.create_collection(CollectionId="staff")
    aws.index_faces(CollectionId="staff", Image={"Bytes": picture(RED, BLUE)}, ExternalImageId="x")
    aws.search_faces_by_image(CollectionId="staff", Image={"Bytes": picture(RED)})
