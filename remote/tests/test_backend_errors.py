"""What goes wrong at a vendor is the same error of ours, whichever vendor it is. With the fake engine, so quick."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import boto3
import pytest

from compat.rekognition.tests.wire import QUICK, REGION
from remote.aws import Rekognition
from remote.azure import AzureFace
from remote.azure_http import Account, Connection
from remote.contract import RemoteBackend
from remote.exceptions import (
    AccessRefused,
    AnswerUnreadable,
    CollectionGone,
    ImageRefused,
    QuotaExceeded,
    RemoteError,
    RemoteRefusal,
    RemoteUnavailable,
    Throttled,
)
from remote.tests.stand_ins.azure import KEY, AzureFaceService
from remote.tests.stand_ins.azure import Refused as AzureRefused
from remote.tests.stand_ins.cases import STAND_INS, Case
from remote.tests.stand_ins.faces import Recogniser
from remote.tests.stand_ins.rekognition import ACCESS_KEY, SECRET, RekognitionService, failing
from remote.tests.stand_ins.serving import Answer, html, serving
from remote.tests.test_azure import photograph
from vision.tests.drawing import GREEN, RED

SEARCHES = {"azure": "identify", "rekognition": "SearchFacesByImage"}
ADDS = {"azure": "persistedfaces", "rekognition": "IndexFaces"}


@pytest.fixture(params=STAND_INS)
def case(request: pytest.FixtureRequest, squares: Recogniser) -> Iterator[Case]:
    """With boto3 as programs have it, which looks at no answer before it reads it."""
    services = {"azure": AzureFaceService(squares), "rekognition": RekognitionService(squares)}
    with serving(services[request.param]) as url:
        yield Case(request.param, backend(request.param, url), services[request.param])


def backend(name: str, url: str, key: str = "", region: str = REGION) -> RemoteBackend:
    if name == "azure":
        return AzureFace(Connection(Account(url, key or KEY, allow_loopback=True)), pause=lambda seconds: None)
    client = boto3.session.Session().client(
        "rekognition",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key or ACCESS_KEY,
        aws_secret_access_key=SECRET,
        config=QUICK,
    )
    return Rekognition(client)


def azure_error(status: int, code: str, **headers: str) -> Answer:
    answer = AzureRefused(status, code).answer
    return Answer(answer.status, answer.body, answer.headers | headers)


ANSWERS: dict[str, tuple[type[RemoteError], str, dict[str, Answer]]] = {
    "throttled": (
        Throttled,
        "remote.throttled",
        {"azure": azure_error(429, "429"), "rekognition": failing("ProvisionedThroughputExceededException")},
    ),
    "their own error": (
        RemoteUnavailable,
        "remote.unavailable",
        {"azure": azure_error(500, "InternalServerError"), "rekognition": failing("InternalServerError", 500)},
    ),
    "a page instead of an error": (RemoteUnavailable, "remote.unavailable", dict.fromkeys(STAND_INS, html(500))),
    "a page of a proxy": (AnswerUnreadable, "remote.answer_unreadable", dict.fromkeys(STAND_INS, html(403))),
    "a page instead of an answer": (AnswerUnreadable, "remote.answer_unreadable", dict.fromkeys(STAND_INS, html(200))),
    "revoked": (
        AccessRefused,
        "remote.access_refused",
        {"azure": azure_error(401, "401"), "rekognition": failing("AccessDeniedException")},
    ),
    "a quota is used up": (
        QuotaExceeded,
        "remote.quota_exceeded",
        {"azure": azure_error(403, "QuotaExceeded"), "rekognition": failing("ServiceQuotaExceededException")},
    ),
    "deleted behind our back": (
        CollectionGone,
        "remote.collection_gone",
        {"azure": azure_error(404, "LargePersonGroupNotFound"), "rekognition": failing("ResourceNotFoundException")},
    ),
    "an unknown refusal": (
        RemoteRefusal,
        "remote.refused",
        {"azure": azure_error(400, "BadArgument"), "rekognition": failing("InvalidS3ObjectException")},
    ),
}


@pytest.mark.parametrize("situation", ANSWERS)
def test_a_vendors_refusal_is_ours(case: Case, situation: str) -> None:
    kind, code, answers = ANSWERS[situation]
    collection, service = case.new_collection(), case.service
    assert service is not None
    case.enrol(collection, photograph(RED))
    calls: list[tuple[str, Callable[[], object]]] = [
        (SEARCHES[case.name], lambda: case.backend.search(collection, photograph(RED), limit=1, score=0.0)),
        (ADDS[case.name], lambda: case.backend.add(collection, photograph(GREEN), str(uuid.uuid4()), is_first=True)),
    ]
    for operation, call in calls:
        service.faults.plan(operation, answers[case.name])
        with pytest.raises(RemoteError) as caught:
            call()
        assert isinstance(caught.value, kind) and caught.value.code == code, caught.value
        assert caught.value.is_temporary == isinstance(caught.value, RemoteUnavailable)
        for secret in (KEY, ACCESS_KEY, SECRET, collection, "127.0.0.1"):
            assert secret not in caught.value.message
        call()  # and works the next time


def test_wrong_credentials_and_a_server_that_is_gone(case: Case) -> None:
    assert case.service is not None
    with serving(case.service) as url, pytest.raises(AccessRefused):
        backend(case.name, url, key="ANOTHERKEY").ensure("c")
    with pytest.raises(RemoteUnavailable) as caught:
        backend(case.name, url).ensure("c")
    assert caught.value.code == "remote.unavailable"


def test_a_collection_that_is_deleted_behind_our_back(case: Case) -> None:
    collection = case.new_collection()
    [face] = case.enrol(collection, photograph(RED))
    case.backend.drop(collection)
    with pytest.raises(CollectionGone):
        case.backend.search(collection, photograph(RED), limit=1, score=0.0)
    case.backend.remove(collection, [face.face_id])
    case.backend.ensure(collection)
    assert case.backend.search(collection, photograph(RED), limit=1, score=0.0) == []


def test_an_image_that_is_none(case: Case) -> None:
    with pytest.raises(ImageRefused) as caught:
        case.backend.add(case.new_collection(), b"\xff\xd8 none " * 300, str(uuid.uuid4()), is_first=True)
    assert caught.value.code == "remote.image_refused"


def test_a_deletion_that_fails_in_part_is_an_error(squares: Recogniser) -> None:
    """Rekognition answers 200, and keeps a face that somebody has made a user of."""
    service = RekognitionService(squares)
    with serving(service) as url:
        aws = Case("rekognition", backend("rekognition", url), service)
        collection = aws.new_collection()
        kept, gone = aws.enrol(collection, photograph(RED), photograph(GREEN))
        service.undeletable = {kept.face_id}
        with pytest.raises(RemoteRefusal):
            aws.backend.remove(collection, [gone.face_id, kept.face_id, str(uuid.uuid4())])
        assert list(aws.backend.faces(collection)) == [kept]
