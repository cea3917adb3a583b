"""Keys in logs, people who have one name, calls that are too long, and keys of clients whom nobody sees."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from audit.models import Record
from audit.types import Action
from clients.models import Client
from compat.compreface import recognition
from compat.compreface.tests.wire import DETECT, EMBEDDINGS, FACES, SUBJECTS, Caller, caller_of
from faceapp.quiet_logs import without_keys
from people.models import Gallery, Person, ReferenceImage
from people.services import create_person
from vision.tests.drawing import BLUE, GREEN, RED, picture

pytestmark = pytest.mark.django_db
KEY = "c8f2a6b0-9d3e-4a17-8f55-0b61d2e7a934"


@pytest.mark.parametrize("path", ["/api/v1/static/{}/images/1", "//compreface//api//v1/static//{}/images/1"])
def test_keys_in_addresses_are_not_logged_however_many_slashes_there_are(path: str, settings: Settings) -> None:
    settings.COMPREFACE_STATIC = True
    answer = Browser().get(path.format(KEY))
    assert KEY not in answer.wsgi_request.META["faceapp.access"]["path"]
    assert KEY not in without_keys(path.format(KEY))


def test_of_several_people_with_one_name_none_is_meant(caller: Caller, client_a: Client) -> None:
    one = create_person(client=client_a, name="Ann")
    assert caller.json(f"{SUBJECTS}/ann", {"subject": "Anne"}, "PUT").body == {"updated": True}
    create_person(client=client_a, name="Bob")
    create_person(client=client_a, name="bob")
    assert caller.delete(f"{SUBJECTS}/Bob").error == (404, 42)
    assert caller.delete(f"{FACES}?subject=bob").body == {"deleted": 0}
    assert caller.json(f"{SUBJECTS}/Anne", {"subject": "Bob"}, "PUT").body == {"updated": True}
    assert Person.objects.filter(external_id=None).count() == 2
    assert Person.objects.get(external_id="Bob").pk == one.pk
    caller.add("bob", picture(RED))
    assert ReferenceImage.objects.get().person_id == one.pk
    assert caller.delete(f"{SUBJECTS}/bob").body == {"subject": "Bob"}


def test_ids_to_delete_are_looked_up_at_once(caller: Caller, client_b: Client, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    image, foreign = caller.add("Ann", picture(RED)), caller_of(client_b).add("Bob", picture(BLUE))
    with django_assert_max_num_queries(60):
        answer = caller.json(f"{FACES}/delete", [*(str(uuid4()) for _ in range(200)), foreign, image, image])
    assert answer.body == [{"image_id": image, "subject": "Ann"}]
    assert [str(one.uuid) for one in ReferenceImage.objects.all()] == [foreign]
    assert caller.json(f"{FACES}/delete", [str(uuid4())] * 2000).error[0] == 413
    assert caller.json(SUBJECTS, {"subject": "x" * 100_000}).error[0] == 413


@pytest.mark.parametrize("name", ["Ann//Lee", "Ann/Lee//", "/Ann/Lee"])
def test_names_in_addresses_are_not_logged_however_many_slashes_there_are(name: str) -> None:
    answer = Browser().delete(f"/api/v1/recognition/subjects/{name}")
    logged = answer.wsgi_request.META["faceapp.access"]["path"]
    assert logged.startswith("/api/v1/recognition/subjects/") and "Lee" not in logged


def test_services_are_not_answered_with_each_others_answers(client_a: Client, settings: Settings) -> None:
    settings.QUALITY_GATE = "off"
    galleries = [Gallery.objects.named(client_a, name) for name in ("staff", "guests")]
    services = [caller_of(client_a, gallery=gallery) for gallery in galleries]
    for _ in range(2):
        answers = [one.image(f"{FACES}?subject=Ann", picture(RED), Idempotency_Key="one") for one in services]
        assert len({answer.body["image_id"] for answer in answers}) == 2
    assert {image.person.gallery for image in ReferenceImage.objects.all()} == set(galleries)
    assert ReferenceImage.objects.count() == 2


def test_a_call_with_many_embeddings_finds_no_more_than_one_with_a_single_one(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for colour in (RED, GREEN, BLUE):
        caller.add(f"{colour}", picture(colour))
    monkeypatch.setattr(recognition, "MOST_FOUND", 4)
    found = {}
    for count in (1, 2, 3):
        body = {"embeddings": [[0.9, 0.1, 0.1, 1.0]] * count}
        answer = caller.json(f"{EMBEDDINGS}?prediction_count=-1", body).body["result"]
        found[count] = [len(one["similarities"]) for one in answer]
    assert found == {1: [3], 2: [2, 2], 3: [1, 1, 1]}


def test_embeddings_that_are_told_are_recorded(caller: Caller) -> None:
    detected = Record.objects.filter(action=Action.DETECT)
    assert caller.image(DETECT, picture(RED, BLUE)).status == 200
    assert not detected.exists()
    assert caller.image(f"{DETECT}?face_plugins=calculator", picture(RED, BLUE)).status == 200
    assert [row.results for row in detected] == [2]
