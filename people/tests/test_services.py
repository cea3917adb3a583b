"""Enrolling, searching, comparing and erasing: the rules, with squares for faces."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from blacklist.services import create_entry, search_blacklist
from calibration import services as calibration
from calibration.exceptions import UnusableCalibration
from clients.models import Client
from errors import FaceAppError, Unavailable
from people import erasure, services
from people.exceptions import ExternalIdTaken, NoTemplate, PersonNotFound, UnusableValue
from people.models import FaceTemplate, Person, ReferenceImage
from people.types import Enrolment, EnrolmentRules, Probe, SearchOptions, Whom
from storage.files import delete_due_files
from vision.engines import engines
from vision.tests.drawing import BLUE, GREEN, RED, YELLOW, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
NEARLY_RED = (205, 30, 20)


def enrol(client: Client, colour: tuple[int, int, int] = RED, external_id: str | None = "u1", **more: Any) -> Enrolment:
    rules = EnrolmentRules(**{name: more.pop(name) for name in ("replace", "only_new") if name in more})
    whom = Whom(external_id=external_id, **more)
    return services.enrol_face(client=client, upload=Upload(picture(colour), "a.png"), whom=whom, rules=rules)


def found(client: Client, *colours: tuple[int, int, int], **more: Any) -> list[list[str | None]]:
    """External ids of the matches of each face."""
    search = services.search_people(client=client, probe=Probe(picture(*colours)), options=SearchOptions(**more))
    return [[candidate.person.external_id for candidate in face.matches] for face in search.faces]


def files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def refusal(function: Any, **values: Any) -> str:
    with pytest.raises(FaceAppError) as caught:
        function(**values)
    return caught.value.code


# ---- enrolment --------------------------------------------------------------------------------------------------
def test_enrolled_face_is_found_at_once(client_a: Client, client_b: Client) -> None:
    enrolment = enrol(client_a, name="Red", metadata={"vip": True})
    assert (enrolment.created, enrolment.person.name, enrolment.duplicates) == (True, "Red", ())
    assert found(client_a, RED) == [["u1"]]
    assert found(client_a, GREEN) == [[]]
    assert found(client_b, RED) == [[]]


def test_second_image_of_an_id_joins_the_first_and_keeps_what_is_not_given(client_a: Client) -> None:
    first = enrol(client_a, name="Red", metadata={"a": 1})
    second = enrol(client_a, GREEN)
    assert (second.person.pk, second.created, second.person.name) == (first.person.pk, False, "Red")
    assert second.person.metadata == {"a": 1}
    assert found(client_a, RED, GREEN) == [["u1"], ["u1"]]


def test_replacing_leaves_only_the_new_face(client_a: Client, media_root: Path) -> None:
    enrol(client_a)
    enrol(client_a, BLUE)
    enrol(client_a, GREEN, replace=True, name="Green")
    assert found(client_a, RED, GREEN) == [[], ["u1"]]
    assert ReferenceImage.objects.count() == files(media_root) == 1
    assert Person.objects.get().name == "Green"


def test_replaced_photographs_that_cannot_be_deleted_go_when_the_store_answers(
    client_a: Client, media_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    enrol(client_a)
    with monkeypatch.context() as broken:
        broken.setattr(FileSystemStorage, "delete", away)
        enrol(client_a, GREEN, replace=True)
    assert found(client_a, RED, GREEN) == [[], ["u1"]]
    assert files(media_root) == 2
    assert delete_due_files() == 1
    assert files(media_root) == 1
    assert services.get_person(client=client_a, person_id=Person.objects.get().number).reference_images.get().image.size


def test_same_id_in_two_sources_is_two_people(client_a: Client) -> None:
    enrol(client_a, source="s1")
    enrol(client_a, source="s2")
    assert Person.objects.count() == 2
    assert found(client_a, RED, sources=["s1"]) == [["u1"]]
    assert found(client_a, RED, sources=["s3"]) == found(client_a, RED, sources=[]) == [[]]


def test_face_under_another_id_is_named(client_a: Client, client_b: Client) -> None:
    enrol(client_a, external_id="other")
    enrol(client_a, external_id="elsewhere", source="s2")
    enrol(client_b, external_id="foreign")
    assert [c.person.external_id for c in enrol(client_a, NEARLY_RED).duplicates] == ["other"]
    assert enrol(client_a, GREEN, external_id="green").duplicates == ()


def test_only_new_refuses_an_id_that_is_taken(client_a: Client) -> None:
    enrol(client_a)
    with pytest.raises(ExternalIdTaken):
        enrol(client_a, GREEN, only_new=True)
    assert found(client_a, GREEN) == [[]]


def test_without_an_id_everyone_is_new(client_a: Client) -> None:
    enrol(client_a, external_id=None)
    enrol(client_a, external_id="")
    assert Person.objects.filter(external_id=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_fifty_registrations_of_one_id_at_a_time_leave_one(client_a: Client, media_root: Path) -> None:
    def register(_: int) -> int:
        try:
            return enrol(client_a, replace=True).person.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        people = set(pool.map(register, range(50)))
    assert len(people) == Person.objects.count() == ReferenceImage.objects.count() == files(media_root) == 1
    assert FaceTemplate.objects.count() == 2  # one per space


def test_image_with_two_faces_is_refused_unless_the_largest_is_meant(client_a: Client) -> None:
    two = Upload(picture(RED, GREEN))
    whom = Whom(external_id="u1")
    assert refusal(services.enrol_face, client=client_a, upload=two, whom=whom) == "face.several"
    assert refusal(services.enrol_face, client=client_a, upload=Upload(picture()), whom=whom) == "face.none"
    assert not Person.objects.exists()
    services.enrol_face(client=client_a, upload=two, whom=whom, rules=EnrolmentRules(face_choice="largest"))
    assert ReferenceImage.objects.count() == 1


def test_nothing_stays_of_an_enrolment_that_cannot_be_stored(
    client_a: Client, media_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise Unavailable("away")

    enrol(client_a)
    monkeypatch.setattr("people.enrolment.save_reference_images", broken)
    with pytest.raises(Unavailable):
        enrol(client_a, GREEN, replace=True)
    with pytest.raises(Unavailable):
        enrol(client_a, GREEN, "u2")
    monkeypatch.undo()
    assert found(client_a, RED) == [["u1"]]
    assert Person.objects.count() == ReferenceImage.objects.count() == files(media_root) == 1


def test_face_for_a_person_who_was_erased_meanwhile_is_not_kept(client_a: Client, media_root: Path) -> None:
    person = enrol(client_a).person
    services.erase_person(person=Person.objects.get(pk=person.pk))
    for change, values in (
        (services.enrol_face, {"client": client_a, "upload": Upload(picture(GREEN)), "whom": Whom(person)}),
        (services.update_person, {"person": person, "changes": {"name": "x"}}),
        (services.erase_faces, {"person": person}),
    ):
        assert refusal(change, **values) == "person.not_found"
    assert files(media_root) == Person.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_face_survives_an_erasure_only_as_a_new_person(client_a: Client, media_root: Path) -> None:
    """Registering and erasing one id at the same time: whatever comes last, rows and files agree."""

    def turn(number: int) -> None:
        try:
            if number % 2:
                enrol(client_a)
            else:
                services.erase_person(person=services.find_person(client=client_a, external_id="u1"))
        except PersonNotFound:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(turn, range(30)))
    assert files(media_root) == ReferenceImage.objects.count() == FaceTemplate.objects.count() / 2


@pytest.mark.parametrize(
    "fields",
    [
        {"external_id": "a\0b"},
        {"external_id": "x" * 513},
        {"external_id": "\ud800"},
        {"source": "s" * 101},
        {"name": "n" * 101},
        {"metadata": {"a": "\0"}},
        {"metadata": {"a": float("nan")}},
        {"metadata": {"\udfff": 1}},
        {"metadata": {"a": "x" * 10_000}},
        {"metadata": ["no object"]},
    ],
)
def test_what_cannot_be_stored_is_refused(client_a: Client, fields: dict[str, Any]) -> None:
    with pytest.raises(UnusableValue):
        enrol(client_a, **fields)
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    "text", ["A B", "a b", "A", "'; DROP TABLE", '"', "用户 𝄞", "𝄞" * 512, "x" * 500, "\\x00", "%_"]
)
def test_ids_are_stored_and_found_exactly(client_a: Client, text: str) -> None:
    enrol(client_a, GREEN, external_id="A  B", source="𝄞" * 100)
    enrol(client_a, external_id=text, source="𝄞" * 100)
    assert services.find_person(client=client_a, external_id=text).external_id == text
    assert found(client_a, RED) == [[text]]


# ---- searching --------------------------------------------------------------------------------------------------
def test_blacklist_is_not_searched_and_the_gallery_not_screened(client_a: Client) -> None:
    entry = create_entry(client=client_a, name="Red", uploads=[Upload(picture(RED))]).entry
    enrol(client_a, GREEN)
    assert found(client_a, RED, GREEN) == [[], ["u1"]]
    space = engines["default"].space
    probes = [np.array([*(np.array(colour) / 255), 1], np.float32) for colour in (RED, GREEN)]
    hits = search_blacklist(client=client_a, space=space.name, embeddings=probes, metric="euclidean", threshold=0.2)
    assert [[hit.entry_id for hit in face] for face in hits] == [[entry.pk], []]
    assert found(client_a, RED, sources=["blacklist"]) == [[]]
    assert refusal(services.get_person, client=client_a, person_id=entry.number) == "person.not_found"
    for change in (services.erase_person, services.erase_faces):
        assert refusal(change, person=entry) == "person.not_found"
    with pytest.raises(PersonNotFound):
        services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(entry))


def test_candidates_are_ordered_with_margins_and_decisions(client_a: Client) -> None:
    for colour, name in ((RED, "red"), (NEARLY_RED, "nearly"), (GREEN, "green")):
        enrol(client_a, colour, name)
    [face] = services.search_people(client=client_a, probe=Probe(picture(RED))).faces
    first, second, third = (candidate.comparison for candidate in face.candidates)
    assert [candidate.person.external_id for candidate in face.candidates] == ["red", "nearly", "green"]
    assert (first.matches, second.matches, third.matches) == (True, True, False)
    assert first.similarity == pytest.approx(1, abs=0.005)
    assert first.margin == pytest.approx(first.similarity - second.similarity)
    assert second.margin == pytest.approx(second.similarity - first.similarity)
    probe, one = Probe(picture(RED)), SearchOptions(limit=1)
    [face] = services.search_people(client=client_a, probe=probe, options=one).faces
    assert face.candidates[0].comparison.margin == pytest.approx(first.margin)


def test_a_person_with_many_photographs_counts_once(client_a: Client) -> None:
    for _ in range(12):
        enrol(client_a)
    enrol(client_a, GREEN, "green")
    probe, two = Probe(picture(RED)), SearchOptions(limit=2)
    [face] = services.search_people(client=client_a, probe=probe, options=two).faces
    assert [candidate.person.external_id for candidate in face.candidates] == ["u1", "green"]


def test_largest_face_or_all_of_them(client_a: Client) -> None:
    enrol(client_a)
    assert found(client_a, RED, GREEN, faces="all") == [["u1"], []]
    assert len(found(client_a, RED, GREEN, faces="largest")) == 1
    assert refusal(services.search_people, client=client_a, probe=Probe(picture())) == "face.none"


def test_search_by_embedding(client_a: Client) -> None:
    enrol(client_a)
    red = np.array([*(np.array(RED) / 255), 1], np.float32)
    [face] = services.search_people(client=client_a, probe=Probe(embeddings=[red])).faces
    assert (face.box, [c.person.external_id for c in face.matches]) == (None, ["u1"])
    for wrong in ([1.0], [np.nan] * 4, [1e9] * 4, [[1.0] * 4]):
        assert refusal(services.search_people, client=client_a, probe=Probe(embeddings=[wrong])) == "embedding.unusable"


def test_lookalikes_of_another_source_do_not_push_a_hit_out(client_a: Client) -> None:
    for number in range(15):
        enrol(client_a, external_id=f"other-{number}", source="s2")
    enrol(client_a, NEARLY_RED, source="s1")
    assert found(client_a, RED, sources=["s1"], limit=1) == [["u1"]]


def test_changing_the_source_moves_the_face(client_a: Client) -> None:
    person = enrol(client_a, source="s1").person
    services.update_person(person=person, changes={"source": "s2"})
    assert found(client_a, RED, sources=["s1"]) == [[]]
    assert found(client_a, RED, sources=["s2"]) == [["u1"]]


# ---- 1:1 --------------------------------------------------------------------------------------------------------
def test_verifying_takes_the_best_template_and_the_largest_face(client_a: Client) -> None:
    person = enrol(client_a).person
    enrol(client_a, GREEN)
    enrol(client_a, BLUE, "blue")
    for colour, same in ((RED, True), (GREEN, True), (YELLOW, False), (BLUE, False)):
        assert services.verify_person(person=person, data=picture(colour)).matches is same
    blue = services.verify_person(person=person, data=picture(BLUE))
    assert blue.margin is not None and blue.margin < 0
    services.erase_faces(person=person)
    with pytest.raises(NoTemplate):
        services.verify_person(person=person, data=picture(RED))


def test_comparing_one_with_several(client_a: Client) -> None:
    others = [picture(NEARLY_RED), b"no image", picture(GREEN), picture()]
    results = services.compare_faces(client=client_a, first=picture(RED), others=others).results
    codes = [getattr(result, "code", None) or result.matches for result in results]  # type: ignore[union-attr]
    assert codes == [True, "image.not_an_image", False, "face.none"]
    assert refusal(services.compare_faces, client=client_a, first=picture(), others=others) == "face.none"


def test_calibration_of_a_client_decides(client_a: Client, client_b: Client) -> None:
    enrol(client_a)
    space = engines["default"].space
    assert calibration.operating_point(client=client_a, space=space).threshold == 0.2
    calibration.set_calibration(client=client_a, space=space.name, threshold=0.01, false_match_rate=0.001)
    calibration.set_calibration(client=client_a, space="default", threshold=0.02, note="second")
    points = [calibration.operating_point(client=client, space=space) for client in (client_a, client_b)]
    assert [point.threshold for point in points] == [0.02, 0.2]
    assert found(client_a, NEARLY_RED) == [[]]
    assert found(client_a, NEARLY_RED, threshold=0.5) == [["u1"]]
    for wrong in ({"threshold": 0.0}, {"threshold": float("nan")}, {"threshold": 1.0, "false_match_rate": 2.0}):
        with pytest.raises(UnusableCalibration):
            calibration.set_calibration(client=client_a, space="default", **wrong)
    with pytest.raises(UnusableCalibration):
        calibration.set_calibration(client=client_a, space="unknown", threshold=1.0)


# ---- erasure ----------------------------------------------------------------------------------------------------
def test_erasing_a_person_leaves_nothing_and_says_what_went(client_a: Client, media_root: Path) -> None:
    person = enrol(client_a, name="Red").person
    enrol(client_a, GREEN)
    receipt = services.erase_person(person=person)
    assert receipt.taken == {"people": 1, "images": 2, "templates": 4, "files": 2, "rows": 7}
    assert len(receipt.objects_hashed) == 3
    assert files(media_root) == Person.objects.count() == FaceTemplate.objects.count() == 0
    assert refusal(services.erase_person, person=person) == "person.not_found"


def test_erasing_faces_keeps_the_record(client_a: Client, media_root: Path) -> None:
    person = enrol(client_a, name="Red").person
    receipt = services.erase_faces(person=person)
    assert (receipt.kind, receipt.count("images"), receipt.count("templates")) == ("faces", 1, 2)
    assert Person.objects.get().name == "Red"
    assert files(media_root) == FaceTemplate.objects.count() == 0


# ---- retention --------------------------------------------------------------------------------------------------
def test_photographs_are_kept_as_long_as_the_client_or_the_deployment_says(
    client_a: Client, client_b: Client, settings: Settings, media_root: Path
) -> None:
    for client in (client_a, client_b):
        enrol(client), enrol(client, GREEN, "u2")
        create_entry(client=client, name="Listed", uploads=[Upload(picture(BLUE), "b.png")])
    old = ReferenceImage.objects.filter(person__external_id="u1") | ReferenceImage.objects.filter(person__name="Listed")
    old.update(created_at=timezone.now() - timedelta(days=10))
    assert erasure.purge(limit=10) == 0
    settings.REFERENCE_DAYS = 9
    Client.objects.filter(pk=client_b.pk).update(reference_days=0)
    assert erasure.purge(limit=10) == 1
    left = ReferenceImage.objects.filter(person__client=client_a)
    assert set(left.values_list("person__external_id", flat=True)) == {"u2", None}
    assert Person.objects.filter(client=client_a).count() == 3  # the record stays
    assert ReferenceImage.objects.filter(person__client=client_b).count() == 3
    assert files(media_root) == 5
    Client.objects.filter(pk=client_b.pk).update(reference_days=11)
    assert erasure.purge(limit=10) == 0


def test_a_legal_basis_is_kept_with_the_person(client_a: Client) -> None:
    person = enrol(client_a, legal_basis="consent of 1 May 2026").person
    enrol(client_a, GREEN)
    person.refresh_from_db()
    assert person.legal_basis == "consent of 1 May 2026"
    changed = services.update_person(person=person, changes={"legal_basis": "contract"})
    assert changed.legal_basis == "contract"
    assert refusal(services.update_person, person=person, changes={"legal_basis": "x" * 501}) == "person.bad_value"
