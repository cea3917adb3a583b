"""The stand-in for Azure Face, called by the official SDK: it takes what that sends, and answers what that reads."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from azure.ai.vision.face import FaceAdministrationClient, FaceClient
from azure.ai.vision.face.models import (
    FaceDetectionModel,
    FaceDetectionResult,
    FaceIdentificationResult,
    FaceOperationStatus,
    FaceRecognitionModel,
    FaceVerificationResult,
    LargePersonGroupPerson,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.transport import RequestsTransport

from remote.azure import AzureFace
from remote.tests.conftest import ENDPOINT
from remote.tests.stand_ins.azure import KEY, ROUTES, AzureFaceService
from remote.tests.stand_ins.serving import Answer, session_with
from remote.tests.test_azure import GROUP, OWN, photograph
from vision.tests.drawing import BLUE, RED

MODELS = {
    "detection_model": FaceDetectionModel.DETECTION03,
    "recognition_model": FaceRecognitionModel.RECOGNITION04,
}


def client(kind: Any, service: AzureFaceService, key: str = KEY) -> Any:
    transport = RequestsTransport(session=session_with(service), session_owner=False)
    return kind(ENDPOINT, AzureKeyCredential(key), transport=transport, retry_total=0, polling_interval=0)


@pytest.fixture
def sdk(azure_service: AzureFaceService) -> Iterator[tuple[Any, Any]]:
    """Clients for faces and for groups."""
    with client(FaceClient, azure_service) as faces, client(FaceAdministrationClient, azure_service) as groups:
        yield faces, groups.large_person_group


def test_a_group_from_its_first_day_to_its_last(sdk: tuple[Any, Any], azure_service: AzureFaceService) -> None:
    faces, groups = sdk
    groups.create(GROUP, name="People", recognition_model=FaceRecognitionModel.RECOGNITION04)
    assert groups.get(GROUP).large_person_group_id == GROUP and groups.get(GROUP).name == "People"
    person_id = groups.create_person(GROUP, name=OWN, user_data=OWN).person_id
    face_id = groups.add_face(
        GROUP, person_id, photograph(RED), detection_model=FaceDetectionModel.DETECTION03, user_data=OWN
    ).persisted_face_id
    for person in (groups.get_person(GROUP, person_id), *groups.get_persons(GROUP, top=10)):
        assert isinstance(person, LargePersonGroupPerson)
        assert (person.person_id, person.name, person.user_data) == (person_id, OWN, OWN)
        assert person.persisted_face_ids == [face_id]
    azure_service.looks = 3
    groups.begin_train(GROUP).result()
    trained = groups.get_training_status(GROUP)
    assert trained.status == FaceOperationStatus.SUCCEEDED and isinstance(trained.created_date_time, datetime)

    [found] = faces.detect(photograph(RED), return_face_id=True, face_id_time_to_live=60, **MODELS)
    assert isinstance(found, FaceDetectionResult) and found.face_rectangle.width > 0
    [identified] = faces.identify_from_large_person_group(
        face_ids=[found.face_id], large_person_group_id=GROUP, max_num_of_candidates_returned=5
    )
    assert isinstance(identified, FaceIdentificationResult) and identified.face_id == found.face_id
    assert [one.person_id for one in identified.candidates] == [person_id]
    assert identified.candidates[0].confidence == pytest.approx(1.0, abs=1e-3)
    [other] = faces.detect(photograph(BLUE), return_face_id=True, **MODELS)
    verified = faces.verify_face_to_face(face_id1=found.face_id, face_id2=other.face_id)
    assert isinstance(verified, FaceVerificationResult)
    assert verified.is_identical is False and 0 <= verified.confidence < 0.5

    groups.delete_person(GROUP, person_id)
    assert groups.get_persons(GROUP) == []
    groups.delete(GROUP)
    assert azure_service.groups == {} and set(azure_service.calls) == set(ROUTES)


def test_refusals_are_those_that_the_sdk_knows(sdk: tuple[Any, Any], azure_service: AzureFaceService) -> None:
    faces, groups = sdk
    groups.create(GROUP, name="People")
    with pytest.raises(ResourceExistsError):
        groups.create(GROUP, name="People")
    for call in (
        lambda: groups.get_person("g-2", str(uuid.uuid4())),
        lambda: groups.delete_person(GROUP, str(uuid.uuid4())),
        lambda: groups.get_training_status(GROUP),
    ):
        with pytest.raises(ResourceNotFoundError):
            call()
    [face] = faces.detect(photograph(RED), return_face_id=True, **MODELS)
    asked = {"face_ids": [face.face_id], "large_person_group_id": GROUP}
    assert code_of(lambda: faces.identify_from_large_person_group(**asked)) == "LargePersonGroupNotTrained"
    asked["large_person_group_id"] = "g-2"
    assert code_of(lambda: faces.identify_from_large_person_group(**asked)) == "LargePersonGroupNotFound"
    assert code_of(lambda: groups.create("Upper Case", name="x")) == "BadArgument"
    assert code_of(lambda: faces.detect(b"small", return_face_id=False, **MODELS)) == "InvalidImageSize"
    azure_service.faults.plan(
        "detect", Answer.of({"error": {"code": "429", "message": "Rate limit is exceeded."}}, 429)
    )
    assert code_of(lambda: faces.detect(photograph(RED), return_face_id=True, **MODELS)) == "429"
    azure_service.is_limited = True
    assert code_of(lambda: faces.detect(photograph(RED), return_face_id=True, **MODELS)) == "InvalidRequest"
    with pytest.raises(ClientAuthenticationError), client(FaceClient, azure_service, "another") as stranger:
        stranger.detect(photograph(RED), return_face_id=False, **MODELS)


def code_of(call: Any) -> str:
    with pytest.raises(HttpResponseError) as caught:
        call()
    return str(caught.value.model.error.code)


def test_the_sdk_reads_what_the_back_end_wrote(
    sdk: tuple[Any, Any], azure: AzureFace, azure_service: AzureFaceService
) -> None:
    faces, groups = sdk
    azure.ensure(GROUP)
    ours = azure.add(GROUP, photograph(RED), OWN)
    azure.train(GROUP)
    [person] = groups.get_persons(GROUP)
    assert (person.person_id, person.name, person.user_data) == (ours.face_id, OWN, OWN)
    [face] = faces.detect(photograph(RED), return_face_id=True, **MODELS)
    asked = {"face_ids": [face.face_id], "large_person_group_id": GROUP, "confidence_threshold": 0.5}
    [found] = faces.identify_from_large_person_group(**asked)
    [hit] = azure.search(GROUP, photograph(RED), limit=5, score=0.5)
    assert [(one.person_id, one.confidence) for one in found.candidates] == [(hit.face.face_id, hit.score)]


def test_what_the_back_end_sends_is_what_the_sdk_sends(
    sdk: tuple[Any, Any], azure: AzureFace, azure_service: AzureFaceService
) -> None:
    """Method, path, query, type and body of each call that both make."""
    sent: list[tuple[Any, ...]] = []
    handle = azure_service.handle

    def noting(call: Any) -> Answer:
        kind = call.headers.get("content-type", "") if call.body else ""
        sent.append((call.method, call.path, dict(call.query), kind, call.body))
        return handle(call)

    azure_service.handle = noting  # type: ignore[method-assign]
    azure.ensure(GROUP)
    face = azure.add(GROUP, photograph(RED), OWN, is_first=True)
    ours, rectangle = list(sent), sent[-1][2]["targetFace"]
    azure_service.groups.clear()
    sent.clear()
    faces, groups = sdk
    groups.create(GROUP, name=GROUP, recognition_model="recognition_04")
    faces.detect(photograph(RED), return_face_id=False, **MODELS)
    person = groups.create_person(GROUP, name=OWN, user_data=OWN).person_id
    target = [int(one) for one in rectangle.split(",")]
    groups.add_face(GROUP, person, photograph(RED), target_face=target, detection_model="detection_03", user_data=OWN)
    assert len(ours) == len(sent) == 4
    for one, other in zip(ours, sent, strict=True):
        assert comparable(one) == comparable((*other[:1], other[1].replace(person, face.face_id), *other[2:]))


def comparable(call: tuple[Any, ...]) -> tuple[Any, ...]:
    """JSON is written with other spaces and in another order."""
    body = call[4]
    return (*call[:4], sorted(body.replace(b" ", b"")) if call[3] == "application/json" else body)
