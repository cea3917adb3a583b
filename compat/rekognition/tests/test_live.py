"""Unmodified boto3 against a running service with real weights: the recipe of a program that moves here from AWS."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from compat.rekognition.tests.wire import client_for
from faceapp.tests import missing
from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import faceless, reduced, side_by_side

pytestmark = [pytest.mark.models, pytest.mark.timeout(180)]
SIDE = 480  # pixels
MAKE_KEY = (
    "import uuid; from clients.services import create_api_key as k; "
    "from compat.rekognition.secrets import make_secret; "
    "row, _ = k(client_name='aws-' + uuid.uuid4().hex); print(row.prefix, make_secret(key=row))"
)
FAILED_SIGNATURES = {"InvalidSignatureException", "UnrecognizedClientException"}


@pytest.fixture(scope="module")
def credentials(live: LiveStack) -> tuple[str, str]:
    access_key, secret = live.manage("shell", "--no-imports", "-c", MAKE_KEY).stdout.split()
    return access_key, secret


@pytest.fixture(scope="module")
def aws(live: LiveStack, credentials: tuple[str, str]) -> Any:
    """With boto3's own retries and timeouts."""
    return client_for(live.url, *credentials, config=Config())


@pytest.fixture(scope="module")
def people(faces: Path) -> dict[str, bytes]:
    names = {"P1a": "obama_1.jpg", "P1b": "obama_2.jpg", "P2a": "rose_1.jpg", "P2b": "rose_2.jpg"}
    found = {name: reduced(faces / file, SIDE) for name, file in names.items()}
    group = side_by_side(faces / names["P1a"], faces / names["P2a"])
    return found | {"group": group, "nobody": faceless()}


def test_the_recipe(aws: Any, people: dict[str, bytes]) -> None:
    image = {name: {"Bytes": data} for name, data in people.items()}
    aws.create_collection(CollectionId="staff")
    with pytest.raises(aws.exceptions.ResourceAlreadyExistsException):
        aws.create_collection(CollectionId="staff")

    one = aws.index_faces(CollectionId="staff", Image=image["group"], MaxFaces=1)
    assert len(one["FaceRecords"]) == 1
    assert [face["Reasons"] for face in one["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"]]
    aws.delete_faces(CollectionId="staff", FaceIds=[one["FaceRecords"][0]["Face"]["FaceId"]])
    both = aws.index_faces(CollectionId="staff", Image=image["group"], ExternalImageId="group.jpg", MaxFaces=10)
    records = sorted(both["FaceRecords"], key=lambda record: record["Face"]["BoundingBox"]["Left"])
    left, right = (record["Face"]["FaceId"] for record in records)

    def found(name: str, **more: Any) -> list[str]:
        answer = aws.search_faces_by_image(CollectionId="staff", Image=image[name], **more)
        return [match["Face"]["FaceId"] for match in answer["FaceMatches"]]

    assert found("P1b") == found("P1b", FaceMatchThreshold=80) == [left]
    assert found("P2b") == found("P2b", FaceMatchThreshold=80) == [right]
    assert found("P1b", FaceMatchThreshold=0) == [left, right]
    assert found("P1b", FaceMatchThreshold=100) == []
    with pytest.raises(aws.exceptions.InvalidParameterException):
        found("nobody")
    assert aws.index_faces(CollectionId="staff", Image=image["nobody"])["FaceRecords"] == []

    aws.create_user(CollectionId="staff", UserId="u1")
    aws.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[left])
    wrong = aws.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[right])
    assert wrong["UnsuccessfulFaceAssociations"][0]["Reasons"] == ["LOW_MATCH_CONFIDENCE"]
    users = aws.search_users_by_image(CollectionId="staff", Image=image["P1b"])["UserMatches"]
    assert [match["User"]["UserId"] for match in users] == ["u1"]
    refused = aws.delete_faces(CollectionId="staff", FaceIds=[left])["UnsuccessfulFaceDeletions"]
    assert refused[0]["Reasons"] == ["ASSOCIATED_TO_AN_EXISTING_USER"]

    pages = list(aws.get_paginator("list_faces").paginate(CollectionId="staff", PaginationConfig={"PageSize": 1}))
    assert [face["FaceId"] for page in pages for face in page["Faces"]] == [
        record["Face"]["FaceId"] for record in both["FaceRecords"]
    ]
    pair = aws.compare_faces(SourceImage=image["P1b"], TargetImage=image["group"])
    assert (len(pair["FaceMatches"]), len(pair["UnmatchedFaces"])) == (1, 1)
    assert len(aws.detect_faces(Image=image["group"], Attributes=["ALL"])["FaceDetails"]) == 2
    aws.delete_collection(CollectionId="staff")
    assert "staff" not in aws.list_collections()["CollectionIds"]


def test_a_wrong_secret(live: LiveStack, credentials: tuple[str, str]) -> None:
    for access_key, secret in ((credentials[0], "x" * 43), ("unknown1", credentials[1])):
        with pytest.raises(ClientError) as caught:
            client_for(live.url, access_key, secret).list_collections()
        assert caught.value.response["Error"]["Code"] in FAILED_SIGNATURES
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_javascript_sdk(
    live: LiveStack, credentials: tuple[str, str], people: dict[str, bytes], tmp_path: Path
) -> None:
    """`@aws-sdk/client-rekognition`, where Node is installed and npm can reach a registry."""
    if not shutil.which("npm"):
        pytest.skip(f"{missing.DATA}: Node, for the JavaScript SDK of AWS")
    install = ["npm", "install", "--no-audit", "--no-fund", "@aws-sdk/client-rekognition@3"]
    if subprocess.run(install, cwd=tmp_path, capture_output=True, check=False, timeout=200).returncode:
        pytest.skip(f"{missing.DATA}: a package registry, for the JavaScript SDK of AWS")
    (tmp_path / "recipe.mjs").write_text(RECIPE)
    for name in ("group", "P1b"):
        (tmp_path / f"{name}.jpg").write_bytes(people[name])
    access_key, secret = credentials
    environment = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "ENDPOINT": live.url}
    node = str(shutil.which("node"))
    done = subprocess.run(
        [node, "recipe.mjs"], cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=200
    )
    assert done.stdout.decode().split() == ["200", "ResourceAlreadyExistsException", "2", "1", "200"], done.stderr


RECIPE = """
import { readFileSync } from "node:fs";
import * as aws from "@aws-sdk/client-rekognition";
const client = new aws.RekognitionClient({ region: "us-east-1", endpoint: process.env.ENDPOINT });
const named = { CollectionId: "from-node" };
console.log((await client.send(new aws.CreateCollectionCommand(named))).StatusCode);
await client.send(new aws.CreateCollectionCommand(named)).catch((error) => console.log(error.name));
const image = (name) => ({ ...named, Image: { Bytes: readFileSync(name) } });
console.log((await client.send(new aws.IndexFacesCommand(image("group.jpg")))).FaceRecords.length);
console.log((await client.send(new aws.SearchFacesByImageCommand(image("P1b.jpg")))).FaceMatches.length);
console.log((await client.send(new aws.DeleteCollectionCommand(named))).StatusCode);
"""
