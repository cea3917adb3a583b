"""The back end for Azure Face against a stand-in that speaks its protocol, in this process."""

from __future__ import annotations

import json
import uuid

import pytest

from remote.azure import ABILITIES, PAGE, AzureFace
from remote.contract import RemoteFace
from remote.exceptions import (
    AnswerUnreadable,
    CollectionGone,
    ImageRefused,
    NoRemoteFace,
    RemoteUnavailable,
    Throttled,
)
from remote.tests.stand_ins.azure import AzureFaceService, Person, running
from remote.tests.stand_ins.serving import Answer, Call
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture

GROUP = "g-1"
OWN, OTHER = (str(uuid.UUID(int=number)) for number in (1, 2))


def photograph(*colours: tuple[int, int, int], side: int = 160) -> bytes:
    return picture(*colours, kind="JPEG", side=side)


@pytest.fixture
def enrolled(azure: AzureFace) -> dict[str, RemoteFace]:
    azure.ensure(GROUP)
    faces = {"red": azure.add(GROUP, photograph(RED), OWN), "green": azure.add(GROUP, photograph(GREEN), OTHER)}
    azure.train(GROUP)
    return faces


# ---- enrolling --------------------------------------------------------------------------------------------------
def test_a_face_is_a_person_with_our_id(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    azure.ensure(GROUP)
    face = azure.add(GROUP, photograph(RED), OWN)
    [person] = azure_service.groups[GROUP].persons.values()
    assert (person.person_id, person.name, person.user_data, len(person.faces)) == (face.face_id, OWN, OWN, 1)
    assert list(azure.faces(GROUP)) == azure.find(GROUP, OWN) == [RemoteFace(person.person_id, OWN)]
    assert azure.find(GROUP, OTHER) == azure.find("g-2", OWN) == []
    assert azure_service.groups[GROUP].recognition_model == "recognition_04"


def test_a_repeated_enrolment_finds_the_first(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    assert azure.add(GROUP, photograph(RED), OWN) == azure.add(GROUP, photograph(RED), OWN)
    assert len(azure_service.groups[GROUP].persons) == 1


def test_an_enrolment_that_broke_off_is_completed(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    azure_service.faults.plan("persistedfaces", Answer.of({"error": {"code": "InternalServerError"}}, 500))
    with pytest.raises(RemoteUnavailable):
        azure.add(GROUP, photograph(RED), OWN, is_first=True)
    assert list(azure.faces(GROUP)) == []  # a person without a face is nobody who could be found
    [begun] = azure.find(GROUP, OWN)  # but goes when the enrolment is given up
    assert azure.add(GROUP, photograph(RED), OWN) == begun
    [person] = azure_service.groups[GROUP].persons.values()
    assert len(person.faces) == 1


def test_a_first_enrolment_looks_at_no_other_person(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    azure_service.calls.clear()
    azure.add(GROUP, photograph(RED), OWN, is_first=True)
    persons = "POST largepersongroups/*/persons"
    assert azure_service.calls == ["POST detect", persons, f"{persons}/*/persistedfaces"]


def test_the_largest_of_several_faces_is_enrolled(azure: AzureFace, enrolled: dict[str, RemoteFace]) -> None:
    both = photograph(RED, BLUE)
    third = str(uuid.uuid4())
    face = azure.add(GROUP, both, third)
    azure.train(GROUP)
    expected = {colour: hits(azure, colour) for colour in (RED, BLUE)}
    assert [face.face_id in found for found in expected.values()].count(True) == 1


def hits(azure: AzureFace, colour: tuple[int, int, int]) -> list[str]:
    return [hit.face.face_id for hit in azure.search(GROUP, photograph(colour), limit=10, score=0.5)]


@pytest.mark.parametrize("image", [photograph(), photograph(DIM)], ids=["no face", "not recognisable"])
def test_no_face_leaves_nobody_behind(azure: AzureFace, azure_service: AzureFaceService, image: bytes) -> None:
    azure.ensure(GROUP)
    with pytest.raises(NoRemoteFace) as caught:
        azure.add(GROUP, image, OWN)
    assert caught.value.code == "remote.no_face"
    assert azure_service.groups[GROUP].persons == {}


def test_images_beyond_the_limits_are_refused(azure: AzureFace) -> None:
    azure.ensure(GROUP)
    for image in (photograph(RED) + bytes(ABILITIES.largest_bytes), b"\xff\xd8 no image" + bytes(2000)):
        with pytest.raises(ImageRefused):
            azure.add(GROUP, image, OWN)


def test_a_collection_that_is_gone(azure: AzureFace) -> None:
    for call in (
        lambda: azure.add(GROUP, photograph(RED), OWN),
        lambda: azure.add(GROUP, photograph(RED), OWN, is_first=True),
        lambda: list(azure.faces(GROUP)),
        lambda: azure.search(GROUP, photograph(RED), limit=1, score=0),
        lambda: azure.train(GROUP),
    ):
        with pytest.raises(CollectionGone):
            call()
    azure.drop(GROUP)
    azure.remove(GROUP, [str(uuid.uuid4())])


# ---- searching --------------------------------------------------------------------------------------------------
def test_the_nearest_come_first_and_none_below_the_score(azure: AzureFace, enrolled: dict[str, RemoteFace]) -> None:
    near, far = azure.search(GROUP, photograph(RED), limit=10, score=0)
    assert (near.face, far.face) == (enrolled["red"], enrolled["green"])
    assert near.score == pytest.approx(1.0, abs=1e-3) and far.score < 0.5
    assert [hit.face for hit in azure.search(GROUP, photograph(RED), limit=10, score=0.5)] == [enrolled["red"]]
    assert [hit.face for hit in azure.search(GROUP, photograph(RED), limit=1, score=0)] == [enrolled["red"]]
    assert azure.search(GROUP, photograph(), limit=10, score=0) == []


def test_our_ids_are_asked_for_once(
    azure: AzureFace, azure_service: AzureFaceService, enrolled: dict[str, RemoteFace]
) -> None:
    for _ in range(2):
        azure.search(GROUP, photograph(RED), limit=10, score=0)
    assert azure_service.calls.count("GET largepersongroups/*/persons/*") == len(enrolled)


def test_what_a_search_sends_is_kept_for_a_minute(azure: AzureFace, azure_service: AzureFaceService) -> None:
    seen = []
    detect, handle = "detect", azure_service.handle
    azure_service.handle = lambda call: (seen.append(call.query) if detect in call.path else None, handle(call))[1]  # type: ignore[method-assign]
    azure.ensure(GROUP)
    azure.search(GROUP, photograph(RED), limit=1, score=0)
    azure.add(GROUP, photograph(RED), OWN)
    assert [one.get("faceIdTimeToLive") for one in seen] == ["60", None]
    assert [one["returnFaceId"] for one in seen] == ["true", "false"]


def test_a_person_of_somebody_else_has_no_id_of_ours(
    azure: AzureFace, azure_service: AzureFaceService, enrolled: dict[str, RemoteFace]
) -> None:
    group = azure_service.groups[GROUP]
    vector = next(iter(group.persons[enrolled["red"].face_id].faces.values()))
    group.persons["0"] = Person("0", "Bob", "a note", {"f": vector})
    azure.train(GROUP)
    found = {hit.face for hit in azure.search(GROUP, photograph(RED), limit=10, score=0.5)}
    assert found == {enrolled["red"], RemoteFace("0", "")}
    assert RemoteFace("0", "") in set(azure.faces(GROUP))


def test_the_removed_are_not_found(azure: AzureFace, enrolled: dict[str, RemoteFace]) -> None:
    for _ in range(2):
        azure.remove(GROUP, [enrolled["red"].face_id])
    assert [hit.face for hit in azure.search(GROUP, photograph(RED), limit=10, score=0)] == [enrolled["green"]]
    azure.drop(GROUP)
    azure.drop(GROUP)
    with pytest.raises(CollectionGone):
        azure.search(GROUP, photograph(RED), limit=1, score=0)


def test_one_removed_between_two_calls_is_left_out(
    azure: AzureFace, azure_service: AzureFaceService, enrolled: dict[str, RemoteFace]
) -> None:
    gone = Answer.of({"error": {"code": "PersonNotFound", "message": "Person is not found."}}, 404)
    azure_service.faults.plan("GET largepersongroups/*/persons/*", gone)
    assert [hit.face for hit in azure.search(GROUP, photograph(RED), limit=10, score=0)] == [enrolled["green"]]


def test_comparing(azure: AzureFace) -> None:
    same, other = azure.compare(photograph(RED), photograph(RED)), azure.compare(photograph(RED), photograph(BLUE))
    assert same == pytest.approx(ABILITIES.largest_score, abs=1e-3)
    assert other is not None and other < ABILITIES.score_at_point
    assert azure.compare(photograph(), photograph(RED)) is None
    assert azure.compare(photograph(RED), photograph()) is None


def test_every_page_of_persons_is_read(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    group = azure_service.groups[GROUP]
    for number in range(2 * PAGE + 1):
        person, own = str(uuid.UUID(int=number)), str(uuid.UUID(int=number + 10**6))
        group.persons[person] = Person(person, own, own, {"f": None})  # type: ignore[dict-item]
    azure_service.calls.clear()
    assert len({face.own_id for face in azure.faces(GROUP)}) == 2 * PAGE + 1
    assert azure_service.calls == ["GET largepersongroups/*/persons"] * 3


def test_pages_that_never_end_are_given_up(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    page = Answer.of([{"personId": str(uuid.UUID(int=1)), "name": "x"}] * PAGE)
    azure_service.faults.plan("persons", page, page)
    with pytest.raises(AnswerUnreadable):
        list(azure.faces(GROUP))


# ---- training ---------------------------------------------------------------------------------------------------
def test_training_waits_with_growing_pauses(
    azure: AzureFace, azure_service: AzureFaceService, pauses: list[float]
) -> None:
    azure.ensure(GROUP)
    azure.add(GROUP, photograph(RED), OWN)
    azure_service.looks = 5
    azure.train(GROUP)
    assert pauses == [0.25, 0.5, 1.0, 2.0]
    assert len(azure.search(GROUP, photograph(RED), limit=1, score=0)) == 1


def test_training_that_takes_too_long_is_tried_again_later(
    azure: AzureFace, azure_service: AzureFaceService, pauses: list[float]
) -> None:
    azure.ensure(GROUP)
    azure.add(GROUP, photograph(RED), OWN)
    azure_service.looks = 1000
    with pytest.raises(RemoteUnavailable) as caught:
        azure.train(GROUP)
    assert caught.value.code == "remote.training" and caught.value.is_temporary
    assert sum(pauses) == pytest.approx(10.0)


def test_a_training_that_runs_is_waited_for_and_followed_by_another(
    azure: AzureFace, azure_service: AzureFaceService, pauses: list[float], enrolled: dict[str, RemoteFace]
) -> None:
    pauses.clear()
    azure_service.groups[GROUP].looks_left = 3
    azure_service.calls.clear()
    azure.train(GROUP)
    train, look = "POST largepersongroups/*/train", "GET largepersongroups/*/training"
    assert azure_service.calls[1:] == [train, look, look, look, train, look]
    assert pauses == [0.25, 0.5]


def test_one_training_after_the_other_by_others(
    azure: AzureFace, azure_service: AzureFaceService, enrolled: dict[str, RemoteFace]
) -> None:
    azure_service.faults.plan("POST largepersongroups/*/train", *[running()] * 3)
    with pytest.raises(RemoteUnavailable) as caught:
        azure.train(GROUP)
    assert caught.value.code == "remote.training"


def test_a_training_that_fails(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    azure.add(GROUP, photograph(RED), OWN)
    azure_service.faults.plan("training", Answer.of({"status": "failed", "message": "secret detail"}))
    with pytest.raises(RemoteUnavailable) as caught:
        azure.train(GROUP)
    assert caught.value.code == "remote.training_failed" and "secret" not in str(caught.value)


def test_an_empty_group_is_searched_without_training(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    azure.train(GROUP)
    assert azure.search(GROUP, photograph(RED), limit=1, score=0) == []
    assert not any("train" in call for call in azure_service.calls)


def test_a_search_before_the_first_training_sees_to_it(azure: AzureFace) -> None:
    azure.ensure(GROUP)
    face = azure.add(GROUP, photograph(RED), OWN)
    assert [hit.face for hit in azure.search(GROUP, photograph(RED), limit=1, score=0)] == [face]


def test_a_search_waits_for_a_training_but_not_long(
    azure: AzureFace, azure_service: AzureFaceService, pauses: list[float], enrolled: dict[str, RemoteFace]
) -> None:
    azure_service.faults.plan("identify", running(), running())
    assert len(azure.search(GROUP, photograph(RED), limit=1, score=0)) == 1
    azure_service.groups[GROUP].looks_left = 1000
    pauses.clear()
    with pytest.raises(RemoteUnavailable) as caught:
        azure.search(GROUP, photograph(RED), limit=1, score=0)
    assert caught.value.code == "remote.training" and sum(pauses) == pytest.approx(2.0)


def test_a_change_during_a_training_is_tried_again_later(
    azure: AzureFace, azure_service: AzureFaceService, enrolled: dict[str, RemoteFace]
) -> None:
    azure_service.groups[GROUP].looks_left = 1
    for call in (
        lambda: azure.add(GROUP, photograph(BLUE), str(uuid.uuid4())),
        lambda: azure.remove(GROUP, [enrolled["red"].face_id]),
    ):
        with pytest.raises(RemoteUnavailable) as caught:
            call()
        assert caught.value.is_temporary


# ---- answers of another shape -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("detect", {}),
        ("detect", [1]),
        ("detect", [{"faceId": "1"}]),
        ("detect", [{"faceRectangle": {"left": 0, "top": 0, "width": "9", "height": 9}}]),
        ("detect", [{"faceRectangle": {"left": 0, "top": 0, "width": 9, "height": 9}}]),  # without an id
        ("identify", {}),
        ("identify", [{"faceId": "1"}]),
        ("identify", [{"candidates": [{"confidence": 0.5}]}]),
        ("identify", [{"candidates": [{"personId": "1", "confidence": 1.5}]}]),
        ("identify", [{"candidates": [{"personId": "1", "confidence": True}]}]),
        ("identify", [{"candidates": [{"personId": "1", "confidence": float("nan")}]}]),
    ],
    ids=json.dumps,
)
def test_an_answer_of_another_shape_is_no_result(
    azure: AzureFace, azure_service: AzureFaceService, enrolled: dict[str, RemoteFace], operation: str, answer: object
) -> None:
    azure_service.faults.plan(operation, Answer.of(answer))
    with pytest.raises(AnswerUnreadable):
        azure.search(GROUP, photograph(RED), limit=1, score=0)


def test_throttling_says_how_long_to_wait(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure.ensure(GROUP)
    azure_service.faults.plan(
        "detect", Answer.of({"error": {"code": "429", "message": "."}}, 429, **{"Retry-After": "7"})
    )
    with pytest.raises(Throttled) as caught:
        azure.add(GROUP, photograph(RED), OWN)
    assert caught.value.wait == 7.0


# ---- killed between two calls -----------------------------------------------------------------------------------
class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 6))
def test_killed_at_any_call_an_enrolment_ends_the_same(
    azure: AzureFace, azure_service: AzureFaceService, number: int, after: bool
) -> None:
    """Before the call reaches Azure, or once it has: the next attempt leaves one person with one face."""
    azure.ensure(GROUP)
    handle, made = azure_service.handle, 0

    def dying(call: Call) -> Answer:
        nonlocal made
        made += 1
        if made == number and not after:
            raise Killed
        answer = handle(call)
        if made == number:
            raise Killed
        return answer

    azure_service.handle = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        azure.add(GROUP, photograph(RED), OWN, is_first=True)
        azure.train(GROUP)
    azure_service.handle = handle  # type: ignore[method-assign]
    face = azure.add(GROUP, photograph(RED), OWN)
    azure.train(GROUP)
    [person] = azure_service.groups[GROUP].persons.values()
    assert (person.person_id, len(person.faces)) == (face.face_id, 1)
    assert [hit.face for hit in azure.search(GROUP, photograph(RED), limit=9, score=0)] == [face]


def test_a_deletion_is_done_only_when_the_service_says_so(
    azure: AzureFace, azure_service: AzureFaceService, enrolled: dict[str, RemoteFace]
) -> None:
    azure_service.faults.plan("DELETE", *[Answer.of({"status": "ok"})] * 2)
    with pytest.raises(AnswerUnreadable):
        azure.remove(GROUP, [enrolled["red"].face_id])
    with pytest.raises(AnswerUnreadable):
        azure.drop(GROUP)
    azure.remove(GROUP, [enrolled["red"].face_id])
    assert len(azure_service.groups[GROUP].persons) == 1
