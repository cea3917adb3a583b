"""The back end for Rekognition: boto3 as it is, against our own endpoint in this process, and answers of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import exceptions as boto
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from pytest_django.fixtures import Settings

from clients.models import Client
from compat.rekognition.tests.wire import in_process, signing_key
from remote.aws import ABILITIES, Rekognition, connect
from remote.exceptions import (
    AccessRefused,
    AnswerUnreadable,
    CertificateRefused,
    CollectionGone,
    ImageRefused,
    NoRemoteFace,
    NotConfigured,
    QuotaExceeded,
    RemoteError,
    RemoteRefusal,
    RemoteUnavailable,
    Throttled,
)
from remote.fitting import fitted
from vision.tests.drawing import BLUE, RED, picture

ANN, BEN, NOBODY = picture(RED), picture(BLUE), picture()
OWN = "6c1d4b1e-0000-4000-8000-000000000001"


@pytest.fixture
def aws(client_b: Client, settings: Settings) -> Rekognition:
    settings.QUALITY_GATE = "off"
    key, secret = signing_key(client_b.name)
    return Rekognition(in_process(key.prefix, secret))


def test_the_life_of_a_collection(aws: Rekognition) -> None:
    aws.ensure("c1")
    aws.ensure("c1")
    face = aws.add("c1", ANN, OWN)
    assert face.own_id == OWN
    assert aws.add("c1", ANN, OWN) == face  # repeated without harm
    assert aws.find("c1", OWN) == list(aws.faces("c1")) == [face]
    [hit] = aws.search("c1", ANN, limit=5, score=0)
    assert (hit.face, hit.score) == (face, pytest.approx(ABILITIES.largest_score, abs=0.1))
    assert aws.search("c1", NOBODY, limit=5, score=0) == []
    same, other = aws.compare(ANN, ANN), aws.compare(ANN, BEN)
    assert same is not None and same > ABILITIES.score_at_point and (other or 0) < ABILITIES.score_at_point
    assert aws.compare(NOBODY, ANN) is None
    with pytest.raises(NoRemoteFace):
        aws.add("c1", NOBODY, OWN, is_first=True)
    aws.remove("c1", [face.face_id])
    aws.remove("c1", [face.face_id])
    assert aws.find("c1", OWN) == []
    aws.drop("c1")
    aws.drop("c1")
    aws.remove("c1", [face.face_id])
    with pytest.raises(CollectionGone):
        list(aws.faces("c1"))
    with pytest.raises(CollectionGone):
        aws.search("c1", ANN, limit=5, score=0)


# ---- answers of others ------------------------------------------------------------------------------------------
class _Raw(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answering(status: int, body: bytes | dict[str, Any], **headers: str) -> Rekognition:
    """A back end whose every request gets this answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = boto3.session.Session().client(
        "rekognition",
        endpoint_url="http://127.0.0.1:9",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, {"content-type": "text/html", **headers}, _Raw(data))

    client.meta.events.register("before-send.rekognition", answer)
    return Rekognition(client)


PAGE = b"<html>Sign in to the network of the hotel</html>"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"__type": "ThrottlingException"}, Throttled, "remote.throttled"),
        (400, {"__type": "ProvisionedThroughputExceededException"}, Throttled, "remote.throttled"),
        (400, {"__type": "AccessDeniedException"}, AccessRefused, "remote.access_refused"),
        (400, {"__type": "UnrecognizedClientException"}, AccessRefused, "remote.access_refused"),
        (400, {"__type": "InvalidSignatureException"}, AccessRefused, "remote.access_refused"),
        (400, {"__type": "ResourceNotFoundException"}, CollectionGone, "remote.collection_gone"),
        (400, {"__type": "ServiceQuotaExceededException"}, QuotaExceeded, "remote.quota_exceeded"),
        (400, {"__type": "ImageTooLargeException"}, ImageRefused, "remote.image_refused"),
        (400, {"__type": "InvalidParameterException"}, RemoteRefusal, "remote.refused"),
        (500, {"__type": "InternalServerError"}, RemoteUnavailable, "remote.unavailable"),
        (500, PAGE, RemoteUnavailable, "remote.unavailable"),
        (403, PAGE, AnswerUnreadable, "remote.answer_unreadable"),
        (200, PAGE, AnswerUnreadable, "remote.answer_unreadable"),
        (200, b"", AnswerUnreadable, "remote.answer_unreadable"),
        (202, PAGE, AnswerUnreadable, "remote.answer_unreadable"),
        (200, b"[" * 100_000, AnswerUnreadable, "remote.answer_unreadable"),
        (200, {"status": "ok"}, AnswerUnreadable, "remote.answer_unreadable"),
        (200, {"FaceRecords": [{}]}, AnswerUnreadable, "remote.answer_unreadable"),
    ],
)
def test_what_is_answered_instead(
    status: int, body: bytes | dict[str, Any], kind: type[RemoteError], code: str
) -> None:
    if isinstance(body, dict):
        body = body | {"message": "secret AKIA123 in arn:aws:iam::42"}
    with pytest.raises(kind) as caught:
        answering(status, body).add("c", ANN, OWN, is_first=True)
    assert type(caught.value) is kind and caught.value.code == code
    assert "AKIA" not in caught.value.message and "hotel" not in caught.value.message
    assert caught.value.__cause__ is None  # no trace with the message of AWS


def test_nothing_counts_as_done_because_another_server_says_so() -> None:
    """Least of all a deletion."""
    other = answering(200, {"status": "ok"})
    for call in (
        lambda: other.remove("c", [OWN]),
        lambda: other.drop("c"),
        lambda: other.ensure("c"),
        lambda: list(other.faces("c")),
        lambda: other.search("c", ANN, limit=5, score=0),
        lambda: other.compare(ANN, BEN),
        lambda: answering(200, {"FaceMatches": [{"Similarity": 99.0}]}).search("c", ANN, limit=5, score=0),
        lambda: answering(200, {"FaceMatches": [{"Similarity": 101.0}]}).compare(ANN, BEN),
    ):
        with pytest.raises(AnswerUnreadable):
            call()


def test_how_long_the_service_asks_to_wait() -> None:
    with pytest.raises(Throttled) as caught:
        answering(400, {"__type": "ThrottlingException"}, **{"retry-after": "7"}).ensure("c")
    assert caught.value.wait == 7


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (boto.SSLError(endpoint_url="https://x", error="self-signed"), CertificateRefused),
        (boto.EndpointConnectionError(endpoint_url="https://x"), RemoteUnavailable),
        (boto.ReadTimeoutError(endpoint_url="https://x"), RemoteUnavailable),
        (boto.NoCredentialsError(), AccessRefused),
        (boto.NoRegionError(), NotConfigured),
    ],
)
def test_what_happens_on_the_way(raised: Exception, kind: type[RemoteError]) -> None:
    aws = answering(200, {})

    def fail(**_: Any) -> None:
        raise raised

    aws._client.meta.events.register_first("before-send.rekognition", fail)
    with pytest.raises(kind):
        aws.ensure("c")


def test_faces_that_users_own_are_not_said_to_be_deleted() -> None:
    kept = [{"FaceId": OWN, "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]}]
    with pytest.raises(RemoteRefusal):
        answering(200, {"DeletedFaces": [], "UnsuccessfulFaceDeletions": kept}).remove("c", [OWN])


def test_a_region_is_needed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    settings.AWS_REGION = settings.AWS_ENDPOINT = ""
    settings.AWS_ACCESS_KEY = settings.AWS_SECRET_KEY = "x"
    with pytest.raises(NotConfigured):
        connect()
    settings.AWS_REGION = "nowhere at all"
    with pytest.raises(NotConfigured):
        connect()


def test_credentials_are_needed(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    settings.AWS_REGION, settings.AWS_ACCESS_KEY = "eu-west-1", ""
    with pytest.raises(AccessRefused):
        connect()
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = x\naws_secret_access_key = x\n")
    assert connect().abilities == ABILITIES


# ---- pictures ---------------------------------------------------------------------------------------------------
def test_pictures_are_made_to_fit() -> None:
    from dataclasses import replace

    from PIL import Image

    small = BytesIO()
    Image.new("RGB", (40, 60), RED).save(small, "JPEG")
    enlarged = fitted(small.getvalue(), ABILITIES)
    with Image.open(BytesIO(enlarged)) as opened:
        assert opened.size == (80, 120)
    large = BytesIO()
    Image.effect_noise((600, 600), 90).convert("RGB").save(large, "JPEG", quality=95)
    limited = replace(ABILITIES, largest_bytes=40_000)
    assert len(large.getvalue()) > 40_000 >= len(fitted(large.getvalue(), limited))
    with pytest.raises(ImageRefused, match="100 bytes"):
        fitted(large.getvalue(), replace(ABILITIES, largest_bytes=100))
    assert fitted(enlarged, ABILITIES) is enlarged
