"""Signatures: who may call, and what is refused before anything is looked at."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from audit.models import Record
from audit.types import Action
from clients.exceptions import RevokedKey
from clients.models import Client
from clients.services import create_api_key, make_path_token, revoke_api_key, rotate_api_key
from compat.rekognition import authentication
from compat.rekognition.models import SigningSecret
from compat.rekognition.secrets import OVERLAP, make_secret, secrets_of, withdraw_secret
from compat.rekognition.tests.wire import Change, answer, in_process, signing_key
from people.models import Gallery, ReferenceImage
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db
UNKNOWN, WRONG = "UnrecognizedClientException", "InvalidSignatureException"
INCOMPLETE, MISSING = "IncompleteSignatureException", "MissingAuthenticationTokenException"


def refusal(aws: Any) -> str:
    """The code with which a harmless call is refused."""
    with pytest.raises(ClientError) as caught:
        aws.list_collections()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def signed(client_a: Client) -> tuple[str, str]:
    key, secret = signing_key(client_a.name)
    return key.prefix, secret


def header(name: str, old: str, new: str) -> Change:
    def change(headers: dict[str, str], body: bytes) -> bytes:
        assert old in headers[name]
        headers[name] = headers[name].replace(old, new)
        return body

    return change


def without(name: str) -> Change:
    def change(headers: dict[str, str], body: bytes) -> bytes:
        del headers[name]
        return body

    return change


def added(name: str, value: str) -> Change:
    def change(headers: dict[str, str], body: bytes) -> bytes:
        headers[name] = value
        return body

    return change


CHANGES: list[tuple[Change, str]] = [
    (lambda headers, body: body + b" ", WRONG),
    (lambda headers, body: b"", WRONG),
    (header("Authorization", "Signature=", "Signature=0"), WRONG),
    (header("Authorization", "us-east-1", "eu-west-1"), WRONG),
    (header("Authorization", "/rekognition/", "/s3/"), WRONG),
    (header("Authorization", "aws4_request", "aws5_request"), INCOMPLETE),
    (header("Authorization", ";x-amz-target", ""), INCOMPLETE),
    (header("Authorization", "host;", ""), INCOMPLETE),
    (header("Authorization", "AWS4-HMAC-SHA256", "AWS3"), MISSING),
    (header("Authorization", "Signature", "Sign"), INCOMPLETE),
    (header("X-Amz-Target", "ListCollections", "DescribeCollection"), WRONG),
    (without("Authorization"), MISSING),
    (without("X-Amz-Date"), INCOMPLETE),
    (added("X-Amz-Date", "yesterday"), INCOMPLETE),
    (added("X-Amz-Date", "20200101T000000Z"), WRONG),
    (added("Host", "elsewhere.example"), WRONG),
    (added("X-Amz-Security-Token", "abc"), UNKNOWN),
    (added("X-Amz-Meta", "not signed"), INCOMPLETE),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_what_is_changed_after_it_was_signed(signed: tuple[str, str], number: int, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    change, code = CHANGES[number]
    assert refusal(in_process(*signed, change=change)) == code


def test_wrong_secrets_regions_and_keys(signed: tuple[str, str], client_a: Client) -> None:
    prefix, secret = signed
    assert in_process(prefix, secret).list_collections()["CollectionIds"] == []
    assert refusal(in_process(prefix, secret[:-1])) == WRONG
    assert refusal(in_process(prefix, secret, region="eu-central-1")) == WRONG
    assert refusal(in_process("unknown1", secret)) == UNKNOWN
    assert refusal(in_process("AKIA/../x", secret)) in {INCOMPLETE, UNKNOWN}
    other, _ = create_api_key(client_name=client_a.name)
    assert refusal(in_process(other.prefix, secret)) == UNKNOWN  # a key that was given no secret may not sign
    own, secret_of_own = signing_key(client_a.name)
    assert refusal(in_process(own.prefix, secret)) == WRONG
    assert in_process(own.prefix, secret_of_own).list_collections()


@pytest.mark.parametrize("minutes", [-16, 16])
def test_old_and_future_signatures(signed: tuple[str, str], minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    aws = in_process(*signed)
    aws.meta.events.register_first("before-send.rekognition", lambda request, **_: kept.append(request))
    aws.list_collections()
    monkeypatch.setattr(authentication.timezone, "now", lambda: datetime.now(UTC) + timedelta(minutes=minutes))
    assert answer(kept[0]).status_code == 400
    monkeypatch.undo()
    assert answer(kept[0]).status_code == 200  # within the quarter of an hour that clocks may be apart


def test_a_replayed_call_is_not_carried_out_twice(signed: tuple[str, str], client_a: Client) -> None:
    kept: list[Any] = []
    aws = in_process(*signed)
    aws.create_collection(CollectionId="staff")
    aws.meta.events.register_first("before-send.rekognition", lambda request, **_: kept.append(request))
    image = {"Bytes": picture(RED)}
    first = aws.index_faces(CollectionId="staff", Image=image, QualityFilter="NONE")
    again = answer(kept[0])
    assert first["FaceRecords"][0]["Face"]["FaceId"] in again.content.decode()
    assert ReferenceImage.objects.count() == 1
    aws.delete_faces(CollectionId="staff", FaceIds=[first["FaceRecords"][0]["Face"]["FaceId"]])
    assert answer(kept[0]).status_code == 400  # its answer was erased with the face
    assert ReferenceImage.objects.count() == 0


@pytest.mark.parametrize("claimed", ["0" * 64, "UNSIGNED-PAYLOAD"])
def test_a_body_that_claims_another_hash(signed: tuple[str, str], claimed: str) -> None:
    def claim(request: Any, **_: Any) -> None:
        request.headers.add_header("X-Amz-Content-SHA256", claimed)

    aws = in_process(*signed)
    aws.meta.events.register("before-sign.rekognition", claim)
    assert refusal(aws) == WRONG


def test_a_prefix_in_the_path(signed: tuple[str, str]) -> None:
    for endpoint in ("http://testserver:8000/", "http://testserver/rekognition/"):
        assert in_process(*signed, endpoint=endpoint).list_collections()["CollectionIds"] == []


def test_a_path_token_is_no_signature(client_a: Client) -> None:
    key, _ = create_api_key(client_name=client_a.name)
    sent = Browser().post(
        f"/k/{make_path_token(key=key)}/",
        "{}",
        content_type="application/x-amz-json-1.1",
        headers={"X-Amz-Target": "RekognitionService.ListCollections"},
    )
    assert (sent.status_code, json.loads(sent.content)["__type"]) == (400, MISSING)


def test_keys_that_may_not_be_used(client_a: Client) -> None:
    key, secret = signing_key(client_a.name)
    aws = in_process(key.prefix, secret)
    key.networks = ["10.0.0.0/8"]
    key.save()
    assert refusal(aws) == UNKNOWN
    key.networks, key.expiry_date = [], datetime.now(UTC) - timedelta(seconds=1)
    key.save()
    assert refusal(aws) == UNKNOWN
    key.expiry_date = None
    key.save()
    client_a.is_active = False
    client_a.save()
    assert refusal(aws) == UNKNOWN
    client_a.is_active = True
    client_a.save()
    assert aws.list_collections()
    revoke_api_key(key=key)
    assert refusal(aws) == UNKNOWN
    with pytest.raises(RevokedKey):
        make_secret(key=key)


def test_wrong_signatures_are_slowed_down(signed: tuple[str, str], redis_flush: None, settings: Settings) -> None:
    settings.FAILED_KEY_LIMIT = "2/min"
    aws = in_process(signed[0], "wrong")
    assert [refusal(aws) for _ in range(3)] == [WRONG, WRONG, "ProvisionedThroughputExceededException"]
    assert in_process(*signed).list_collections()["CollectionIds"] == []  # good ones are never refused by it


# ---- secrets ----------------------------------------------------------------------------------------------------
def test_nothing_readable_is_stored(client_a: Client) -> None:
    key, secret = signing_key(client_a.name)
    assert list(secrets_of(key=key)) == [secret] and len(secret) >= 40
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM rekognition_signingsecret AS t")
        assert secret not in str(cursor.fetchall())


def test_a_new_secret_leaves_a_day_to_the_one_before(client_a: Client) -> None:
    key, first = signing_key(client_a.name)
    second, third = make_secret(key=key), make_secret(key=key)
    assert len({first, second, third}) == 3
    assert in_process(key.prefix, second).list_collections() and in_process(key.prefix, third).list_collections()
    assert refusal(in_process(key.prefix, first)) == WRONG
    SigningSecret.objects.update(previous_until=datetime.now(UTC) - timedelta(seconds=1))
    assert refusal(in_process(key.prefix, second)) == WRONG
    assert timedelta(hours=24) == OVERLAP


def test_a_withdrawn_secret_never_returns(client_a: Client) -> None:
    key, secret = signing_key(client_a.name)
    assert withdraw_secret(key=key) and not withdraw_secret(key=key)
    assert refusal(in_process(key.prefix, secret)) == UNKNOWN
    assert make_secret(key=key) != secret
    assert refusal(in_process(key.prefix, secret)) == WRONG
    rows = Record.objects.filter(objects_named__contains=["signing_secret"]).values_list("action", flat=True)
    assert sorted(rows) == sorted([Action.KEY_MADE, Action.KEY_REVOKED, Action.KEY_MADE])


def test_the_command_prints_the_secret_once(client_a: Client) -> None:
    key, _ = create_api_key(client_name=client_a.name)
    out, told = StringIO(), StringIO()
    call_command("rekognition_secret", key.prefix, stdout=out, stderr=told)
    assert in_process(key.prefix, out.getvalue().strip()).list_collections()
    assert key.prefix in told.getvalue()
    call_command("rekognition_secret", key.prefix, "--withdraw", stdout=StringIO())
    for arguments in (["unknown"], [key.prefix, "--withdraw"]):
        with pytest.raises(CommandError):
            call_command("rekognition_secret", *arguments)


def test_a_rotated_key_keeps_its_secret(client_a: Client) -> None:
    key, secret = signing_key(client_a.name)
    rotate_api_key(key=key)
    assert in_process(key.prefix, secret).list_collections()
    assert not Gallery.objects.exists()
