"""Whatever searches or verifies: the service that keeps a gallery decides, or the call is refused.

What is kept here beside the gallery is made to lie: Ann's templates are Ben's, and Ben's are Ann's.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence

import pytest
from pytest_django.fixtures import Settings

from audit.models import Record
from clients.models import Client
from compat.deepface_api import services as deepface
from compat.deepstack import services as deepstack
from compat.facehash import services as facehash
from compat.rekognition import faces as rekognition
from compat.rekognition.faces import Threshold
from notifications.models import Delivery
from notifications.tests.conftest import subscribe
from notifications.types import Way
from people import services
from people.elsewhere.tests.counted import Counted
from people.elsewhere.tests.test_calls import enrol
from people.exceptions import NoEmbeddingsThere
from people.models import FaceTemplate, Gallery, Person, ReferenceImage
from people.services import Look, Wanted
from people.types import Candidate, Probe, Proof, Refusal, SourcedImage
from training.recognition import recognise
from training.services import request_training
from vision.engines import DEFAULT, engines
from vision.selection import FacesWanted
from vision.tests.drawing import BLUE, DIM, RED, YELLOW, picture

pytestmark = pytest.mark.django_db

Names = list[list[str]]  # of each face that is searched, whom it matches


@pytest.fixture
def people(client_a: Client, remote: Counted) -> list[Person]:
    ann, ben = enrol(client_a, RED).person, enrol(client_a, BLUE, name="Ben").person
    own = [FaceTemplate.objects.filter(person=person).order_by("space") for person in (ann, ben)]
    for one, other in zip(*map(list, own), strict=True):
        FaceTemplate.objects.filter(pk=one.pk).update(embedding=other.embedding)
        FaceTemplate.objects.filter(pk=other.pk).update(embedding=one.embedding)
    remote.calls.clear()
    return [ann, ben]


def matches(candidates: Sequence[Candidate]) -> list[str]:
    return [one.person.name for one in candidates if one.comparison.matches]


# ---- searches: of RED and of YELLOW, whom nobody knows --------------------------------------------------------------
def by_search_people(gallery: Gallery) -> Names:
    found = services.search_people(client=gallery.client, probe=Probe(picture(RED, YELLOW)))
    return [matches(face.candidates) for face in found.faces]


def by_search_each(gallery: Gallery) -> Names:
    images = [SourcedImage(picture(colour), "") for colour in (RED, YELLOW)]
    found = services.search_each(client=gallery.client, images=images)
    return [[] if isinstance(face, Refusal) else matches(face.candidates) for face in found]


def by_search_face(gallery: Gallery) -> Names:
    found = [
        services.search_face(gallery=gallery, data=picture(colour), wanted=Wanted(3)).candidates
        for colour in (RED, YELLOW)
    ]
    return [matches(candidates) for candidates in found]


def by_search_every_face(gallery: Gallery) -> Names:
    found = services.search_every_face(gallery=gallery, data=picture(RED, YELLOW), wanted=Wanted(3))
    assert not gallery.is_remote or found.space == found.model == gallery.backend
    return [matches(candidates) for _, candidates in found.faces]


def by_a_named_engine(gallery: Gallery) -> Names:
    look = Look(alias=DEFAULT, wanted=FacesWanted(most=2))
    found = services.search_every_face(gallery=gallery, data=picture(RED, YELLOW), wanted=Wanted(3), look=look)
    return [matches(candidates) for _, candidates in found.faces]


def by_deepface(gallery: Gallery) -> Names:
    query = deepface.Query(look=Look(), metric=None, method="exact", most=3, anybody=False)
    found = deepface.search(client=gallery.client, data=picture(RED, YELLOW), query=query)
    return [matches(candidates) for _, candidates in found.faces]


def by_deepstack(gallery: Gallery) -> Names:
    found = deepstack.recognise(client=gallery.client, data=picture(RED, YELLOW))
    return [[] if one.comparison is None else [one.user.split(" ")[0]] for one in found]


def by_rekognition(gallery: Gallery) -> Names:
    threshold = Threshold(None, decides=True)
    found = [
        rekognition.search_image(gallery=gallery, data=picture(colour), threshold=threshold, most=5, quality="NONE")
        for colour in (RED, YELLOW)
    ]
    return [matches(one.candidates) for one in found]


def by_training(gallery: Gallery) -> Names:
    found = recognise(client=gallery.client, source="", data=picture(RED, YELLOW))
    return [[face.person.name] if face.person else [] for face in found]


def by_facehash(gallery: Gallery) -> Names:
    outcomes = [facehash.identify(gallery=gallery, pictures=[b64encode(picture(colour))]) for colour in (RED, YELLOW)]
    return [[one.found.person.name] if one.found and one.found.person else [] for one in outcomes]


SEARCHES = [
    by_search_people, by_search_each, by_search_face, by_search_every_face, by_a_named_engine, by_deepface,
    by_deepstack, by_rekognition, by_training, by_facehash,
]  # fmt: skip


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.__name__)
def test_the_service_says_who_it_is(
    search: Callable[[Gallery], Names], client_a: Client, people: list[Person], remote: Counted, settings: Settings
) -> None:
    settings.DEEPSTACK_GALLERY = ""
    settings.MQTT_HOST = "127.0.0.1"
    subscribe(client_a, "-", way=Way.MQTT, events=["match", "unknown"])
    assert search(people[0].gallery) == [["Ann"], []]
    assert remote.calls == ["search", "search"]
    told = list(Delivery.objects.order_by("event").values_list("event", "data"))
    assert [event for event, _ in told] == ["match", "unknown"]  # once
    assert [one["person"] for one in told[0][1]["matches"]] == [people[0].number]
    rows = Record.objects.filter(client_id=client_a.pk, action="search")
    assert {row.space for row in rows} == {"aws_rekognition"}


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.__name__)
def test_searches_that_are_made_here_are_told_once_too(
    search: Callable[[Gallery], Names], client_a: Client, settings: Settings
) -> None:
    settings.QUALITY_GATE, settings.DEEPSTACK_GALLERY, settings.MQTT_HOST = "off", "", "127.0.0.1"
    ann = enrol(client_a, RED).person
    subscribe(client_a, "-", way=Way.MQTT, events=["match", "unknown"])
    assert search(ann.gallery) == [["Ann"], []]
    told = list(Delivery.objects.order_by("event").values_list("event", "data"))
    assert [event for event, _ in told] == ["match", "unknown"]
    assert [one["person"] for one in told[0][1]["matches"]] == [ann.number]


def test_what_is_not_told(client_a: Client, settings: Settings) -> None:
    """Previews, stored faces, verifications, and what a caller says of a face that the gallery does not."""
    settings.QUALITY_GATE, settings.MQTT_HOST = "off", "127.0.0.1"
    ann = enrol(client_a, RED)
    gallery = ann.person.gallery
    subscribe(client_a, "-", way=Way.MQTT, events=["match", "unknown"])
    services.search_people(client=client_a, probe=Probe(picture(RED, BLUE)), tells=False)
    services.search_each(client=client_a, images=[SourcedImage(picture(RED), "")], tells=False)
    services.search_stored_faces(gallery=gallery, images=[ann.reference_image], wanted=Wanted(1))
    services.verify_person(person=ann.person, data=picture(RED))
    nobody = Wanted(3, lambda compared: False)
    assert not services.search_face(gallery=gallery, data=picture(RED), wanted=nobody).candidates
    assert not services.search_face(gallery=gallery, data=picture(RED), wanted=Wanted(3), identified=True).candidates
    assert services.search_face(gallery=gallery, data=picture(DIM), wanted=Wanted(3)).candidates == ()
    assert not Delivery.objects.exists()
    services.search_face(gallery=gallery, data=picture(BLUE), wanted=nobody)
    assert [one.event for one in Delivery.objects.all()] == ["unknown"]


def test_somebody_with_an_id_is_found_behind_a_nameless_one(client_a: Client, people: list[Person]) -> None:
    Person.objects.filter(pk=people[1].pk).update(external_id="ben")
    gallery = people[0].gallery
    found = services.search_face(gallery=gallery, data=picture(RED), wanted=Wanted(1), identified=True)
    assert [one.person.name for one in found.candidates] == ["Ben"]


# ---- verifications ------------------------------------------------------------------------------------------------
def by_verify_person(person: Person, data: bytes) -> bool:
    return services.verify_person(person=person, data=data).matches


def by_verify_live(person: Person, data: bytes) -> bool:
    proof = Proof(asked=False)
    return services.verify_live(person=person, data=data, proof=proof).comparison.matches


def by_photograph(person: Person, data: bytes) -> bool:
    found = services.compare_with_photograph(image=ReferenceImage.objects.get(person=person), data=data)
    assert found.space == "aws_rekognition"
    return [compared.matches for _, compared in found.faces] == [True]


@pytest.mark.parametrize("verify", [by_verify_person, by_verify_live, by_photograph], ids=lambda one: one.__name__)
def test_the_service_says_whether_it_is_somebody(
    verify: Callable[[Person, bytes], bool], people: list[Person], remote: Counted
) -> None:
    ann = services.get_person(client=people[0].client, person_id=people[0].number)
    assert verify(ann, picture(RED)) and not verify(ann, picture(BLUE))
    assert remote.calls
    spaces = Record.objects.filter(client_id=ann.client_id, action__in=["verify", "compare"])
    assert set(spaces.values_list("space", flat=True)) == {"aws_rekognition"}


# ---- refusals -----------------------------------------------------------------------------------------------------
def vector() -> list[float]:
    return [0.1] * engines[DEFAULT].space.dimensions


REFUSED: dict[str, Callable[[Person, ReferenceImage], object]] = {
    "search_in": lambda person, image: services.search_in(client=person.client, galleries=[person.gallery]),
    "search_people": lambda person, image: services.search_people(
        client=person.client, probe=Probe(embeddings=[vector()])  # type: ignore[list-item]
    ),
    "search_embeddings": lambda person, image: services.search_embeddings(
        gallery=person.gallery, embeddings=[vector()], wanted=Wanted(1)  # type: ignore[list-item]
    ),
    "search_stored_faces": lambda person, image: services.search_stored_faces(
        gallery=person.gallery, images=[image], wanted=Wanted(1)
    ),
    "similarity_to": lambda person, image: services.similarity_to(person=person, image=image),
    "compare_embeddings_with_photograph": lambda person, image: services.compare_embeddings_with_photograph(
        image=image, embeddings=[vector()]  # type: ignore[list-item]
    ),
    "request_training": lambda person, image: request_training(client=person.client, source=""),
}  # fmt: skip


@pytest.mark.parametrize("call", REFUSED)
def test_what_needs_embeddings_is_refused(call: str, people: list[Person], remote: Counted) -> None:
    image = ReferenceImage.objects.get(person=people[0])
    with pytest.raises(NoEmbeddingsThere) as refused:
        REFUSED[call](people[0], image)
    assert refused.value.code == "backend.no_embeddings" and "Rekognition" in refused.value.message
    assert not remote.calls and not Record.objects.filter(action__in=["search", "compare"]).exists()


def test_hints_are_given_here(client_a: Client, people: list[Person], remote: Counted) -> None:
    gallery = people[0].gallery
    assert services.health_of(gallery).computed_at is services.check_of(gallery).computed_at is None
    assert not services.hints_of(people[0]).odd and not services.is_unlike(ReferenceImage.objects.all()[0])
    assert services.compare_people(*people) is not None
    assert request_training(client=client_a, source="", by_itself=True) is None
    assert not remote.calls
    assert [one.person.name for one in enrol(client_a, RED, name="Eve").duplicates] == ["Ben"]
