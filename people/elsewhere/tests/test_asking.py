"""Searching, verifying and comparing where a remote service keeps the faces."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from audit.models import Record
from calibration.types import Decision
from clients.models import Client
from notifications.models import Delivery
from notifications.tests.conftest import subscribe
from notifications.types import Way
from people.elsewhere.asking import METRIC, asked_in, point_of
from people.elsewhere.tests.counted import Counted
from people.elsewhere.tests.test_calls import enrol
from people.exceptions import NoEmbeddingsThere
from people.models import EnrolledFace, FaceTemplate, Gallery, RemoteCollection
from people.services import (
    Look,
    Wanted,
    compare_embeddings_with_photograph,
    compare_faces,
    compare_with_photograph,
    get_person,
    search_each,
    search_embeddings,
    search_every_face,
    search_face,
    search_people,
    verify_person,
)
from people.types import Probe, SearchedFace, SearchOptions, SourcedImage
from remote.exceptions import CollectionGone
from vision.tests.drawing import BLUE, DIM, GREEN, RED, YELLOW, picture

pytestmark = pytest.mark.django_db


def test_a_search(client_a: Client, remote: Counted) -> None:
    ann, ben = enrol(client_a, RED), enrol(client_a, BLUE, name="Ben")
    found = search_people(client=client_a, probe=Probe(picture(RED)))
    [face] = found.faces
    assert face.decision == Decision.MATCH
    assert [one.person for one in face.candidates] == [ann.person, ben.person]
    best = face.candidates[0].comparison
    assert (best.distance, best.similarity) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=5e-3))
    assert best.margin and best.margin > 0
    assert (found.space, found.metric, found.threshold) == ("aws_rekognition", METRIC, pytest.approx(0.2))
    assert found.point.false_match_rate is found.point.false_alarm_rate is None  # a score promises none
    assert found.point.people == 2
    assert search_people(client=client_a, probe=Probe(picture(GREEN))).faces[0].decision == Decision.NO_MATCH
    row = Record.objects.filter(client_id=client_a.pk, action="search").first()
    assert row is not None and row.space == "aws_rekognition"


def test_what_decides(client_a: Client, remote: Counted, settings: Settings) -> None:
    enrol(client_a, RED)
    near = (195, 20, 20)
    probe = Probe(picture(near))
    [face] = search_people(client=client_a, probe=probe).faces
    distance = face.candidates[0].comparison.distance or 0
    assert 0 < distance <= 0.2
    strict = SearchOptions(threshold=distance / 2)
    assert search_people(client=client_a, probe=probe, options=strict).faces[0].decision == Decision.NO_MATCH
    Gallery.objects.filter(client=client_a).update(threshold=distance / 2)
    assert search_people(client=client_a, probe=probe).faces[0].decision == Decision.NO_MATCH
    Gallery.objects.filter(client=client_a).update(threshold=None)
    settings.REMOTE_SCORES = {"aws_rekognition": 100.0}
    assert search_people(client=client_a, probe=probe).faces[0].decision == Decision.NO_MATCH


def test_the_mapping_of_decisions() -> None:
    point = point_of("aws_rekognition")
    assert [point.similarity(distance) for distance in (0.0, 0.2, 1.0)] == pytest.approx([1.0, 0.7, 0.0])
    assert point.decide(0.2) == Decision.MATCH and point.decide(0.2001) == Decision.NO_MATCH
    assert point.scale and [point.scale.distance(one) for one in (1.0, 0.7)] == pytest.approx([0.0, 0.2])
    assert point.stranger_rate(0.1) is None


def test_faces_that_are_not_ours_are_left_out(client_a: Client, client_b: Client, remote: Counted) -> None:
    """Somebody else has put faces into the collection: without our id, and with that of a photograph elsewhere."""
    enrol(client_a, RED)
    other = enrol(client_a, BLUE, source="guests")
    collection = RemoteCollection.objects.get(gallery__is_default=True)
    remote.add(collection.name, picture(BLUE), "somebody", is_first=True)
    remote.add(collection.name, picture(BLUE), str(other.reference_image.uuid), is_first=True)
    here = SearchOptions(sources=[""])
    [face] = search_people(client=client_a, probe=Probe(picture(BLUE)), options=here).faces
    assert face.decision == Decision.NO_MATCH and len(face.candidates) == 1


def test_several_galleries_of_both_kinds(client_a: Client, remote: Counted) -> None:
    ann = enrol(client_a, RED)
    enrol(client_a, BLUE, source="guests", name="Ben")
    Gallery.objects.filter(name="guests").update(backend="deepface")
    for colour, name in ((RED, "Ann"), (BLUE, "Ben")):
        [face] = search_people(client=client_a, probe=Probe(picture(colour))).faces
        assert [one.person.name for one in face.matches] == [name]
        assert len(face.candidates) == 2 and (face.candidates[0].comparison.margin or 0) > 0
    images = [SourcedImage(picture(BLUE), "guests"), SourcedImage(picture(RED), "")]
    found = search_each(client=client_a, images=images)
    assert [one.matches[0].person.name for one in found if isinstance(one, SearchedFace)] == ["Ben", "Ann"]
    assert ann.person.gallery.is_remote


def test_embeddings_cannot_be_sent(client_a: Client, remote: Counted) -> None:
    enrol(client_a, RED)
    with pytest.raises(NoEmbeddingsThere):
        search_people(client=client_a, probe=Probe(embeddings=[[0.0] * 3]))  # type: ignore[list-item]


def test_nobody_is_there_yet(client_a: Client, remote: Counted) -> None:
    remote.fail = CollectionGone("Gone.")
    enrol(client_a, RED)
    assert search_people(client=client_a, probe=Probe(picture(RED))).faces[0].candidates == ()
    RemoteCollection.objects.update(is_made=True)
    with pytest.raises(CollectionGone):
        search_people(client=client_a, probe=Probe(picture(RED)))
    assert search_people(client=client_a, probe=Probe(picture(DIM))).faces[0].decision == Decision.NOT_RECOGNISABLE


def test_a_verification(client_a: Client, remote: Counted) -> None:
    ann = enrol(client_a, RED).person
    enrol(client_a, BLUE, name="Ben")
    person = get_person(client=client_a, person_id=ann.number)
    compared = verify_person(person=person, data=picture(RED))
    assert compared.decision == Decision.MATCH and (compared.margin or 0) > 0
    assert verify_person(person=person, data=picture(BLUE)).decision == Decision.NO_MATCH
    assert verify_person(person=person, data=picture(DIM)).decision == Decision.NOT_RECOGNISABLE
    EnrolledFace.objects.filter(reference_image__person=ann).delete()  # as before it has arrived
    remote.calls.clear()
    remote.remove(
        RemoteCollection.objects.get().name,
        [face.face_id for face in remote.faces(RemoteCollection.objects.get().name)],
    )
    assert verify_person(person=person, data=picture(RED)).decision == Decision.MATCH
    assert "compare" in remote.calls


def test_two_images(client_a: Client, remote: Counted) -> None:
    others = [picture(RED), picture(GREEN), picture(DIM), picture()]
    found = compare_faces(client=client_a, first=picture(RED), others=others)
    decisions = [getattr(one, "decision", None) for one in found.results]
    assert decisions == [Decision.MATCH, Decision.NO_MATCH, Decision.NOT_RECOGNISABLE, None]
    assert found.space == "aws_rekognition" and remote.calls == ["compare", "compare"]
    assert found.point.false_match_rate is None


def test_strangers(client_a: Client, remote: Counted) -> None:
    assert search_people(client=client_a, probe=Probe(picture(YELLOW))).faces[0].candidates == ()


def test_each_back_end_is_asked_by_its_own_scale(client_a: Client) -> None:
    """A score of 80 is a match at Rekognition, and 0.5 at Azure Face."""
    galleries = [
        Gallery.objects.create(client=client_a, name=backend, backend=backend)
        for backend in ("aws_rekognition", "azure_face")
    ]
    asked = asked_in(client=client_a, galleries=galleries)
    assert asked and [asked.least_score(one) for one in galleries] == pytest.approx([80.0, 0.5], abs=1e-3)


def test_searches_for_photographs_are_told_of(client_a: Client, remote: Counted) -> None:
    gallery = enrol(client_a, RED).person.gallery
    subscribe(client_a, "-", way=Way.MQTT, events=["match"])
    search_face(gallery=gallery, data=picture(BLUE), wanted=Wanted(5, lambda one: True))
    assert not Delivery.objects.exists()
    search_face(gallery=gallery, data=picture(RED), wanted=Wanted(5, lambda one: True))
    assert Delivery.objects.get().event == "match"


def test_older_programs_are_answered_by_the_service_too(client_a: Client, remote: Counted) -> None:
    """Templates are kept here as well, which decide nothing: one of them is made to be wrong."""
    ann, ben = enrol(client_a, RED), enrol(client_a, BLUE, name="Ben")
    FaceTemplate.objects.of_client(client_a).update(person=ben.person)
    gallery = get_person(client=client_a, person_id=ann.person.uuid).gallery
    data = picture(RED)
    every = search_every_face(gallery=gallery, data=data, wanted=Wanted(5))
    [(_, candidates)] = every.faces
    assert [(one.person, one.comparison.matches) for one in candidates] == [(ann.person, True), (ben.person, False)]
    wanted = Wanted(5, lambda compared: compared.matches)
    by_look = search_every_face(gallery=gallery, data=data, look=Look(), wanted=wanted)
    assert [[one.person for one in found] for _, found in by_look.faces] == [[ann.person]]
    assert by_look.model == "aws_rekognition"
    for stored, matches in ((ann, True), (ben, False)):
        [(_, compared)] = compare_with_photograph(image=stored.reference_image, data=data).faces
        assert (compared.matches, compared.point.metric) == (matches, METRIC)
    for ask in (
        lambda: search_embeddings(gallery=gallery, embeddings=[np.ones(4, np.float32)], wanted=Wanted(1)),
        lambda: compare_embeddings_with_photograph(image=ann.reference_image, embeddings=[np.ones(4, np.float32)]),
    ):
        with pytest.raises(NoEmbeddingsThere):
            ask()
