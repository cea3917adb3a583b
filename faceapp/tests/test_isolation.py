"""No client sees or changes what is another's: every route, driven with a foreign key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient

from albums.models import Album, AlbumImage, FaceGroup
from audit import receipts
from audit.types import Erased
from blacklist.models import BlacklistEntry
from clients.models import Client
from clients.services import create_api_key
from compat.dialect import DialectConfig, configs
from compat.ekyc.tests import isolation as ekyc
from notifications.models import Subscription
from notifications.services import send_test
from people.models import Gallery, GalleryKind, Person, ReferenceImage, Respace
from recognition.models import Job, ProcessedImage
from training.models import Recogniser
from vision.tests.drawing import RED, data_url, picture

pytestmark = pytest.mark.django_db

BODIES: dict[str, Any] = {
    "blacklist-detail": {"name": "Stolen"},
    "album-detail": {"name": "Stolen"},
    "album-group-detail": {"name": "Stolen"},
    "blacklist-images": lambda: {"images": [SimpleUploadedFile("a.png", picture(RED))]},
    "people-detail": {"name": "Stolen"},
    "people-images": {"image": data_url(picture(RED))},
    "people-verify": {"image": data_url(picture(RED))},
    "gallery-detail": {"name": "Stolen"},
}
LISTS = {
    "blacklist-list",
    "job-list",
    "processed-image-list",
    "people-list",
    "album-list",
    "recogniser-list",
    "gallery-list",
    "respace-list",
    "erasure-list",
    "webhook-list",
}
OPEN = {
    "engine-list",
    "api-root",
    "detect-detect-face",
    "process-process-images",
    "liveness-session-list",
    "anti-spoof-list",
    "people-search",
    "people-report-of-image",  # tested in test_report
    "compare-list",
    "reset-list",
    "key-rotate",
    "recogniser-train",
    "audit-list",  # its tests are in audit/tests
    "audit-export",
    "usage-list",
}  # no stored object of anybody


def api_of(client: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client.name)[1]})


@pytest.fixture
def owned(client_a: Client) -> dict[str, str]:
    """One of everything that a client can own, by the name of the path parameter."""
    api = api_of(client_a)
    upload = SimpleUploadedFile("a.png", picture(RED))
    api.post("/api/v1/blacklist/", {"name": "Red", "images": [upload]}, format="multipart")
    api.post("/api/v1/process/process-images", {"images": [data_url(picture(RED))]}, format="json")
    album = api.post("/api/v1/albums/", {"name": "Red", "keep_images": True}, format="json").json()["id"]
    body = {"images": [data_url(picture(RED))]}
    api.post(f"/api/v1/albums/{album}/images/?process=true", body, format="json")
    session = api.post("/api/v1/liveness/sessions/", {"purpose": "onboarding", "subject": "u1"}, format="json")
    api.post("/api/v1/people/", {"name": "Red", "image": data_url(picture(RED))}, format="json")
    staff = Gallery.objects.named(client_a, "staff")
    person = Person.objects.of_kind(GalleryKind.PEOPLE).get()
    hook = Subscription.objects.create(client=client_a, name="Red", target="https://hooks.example/", events=["hit"])
    return {
        "album": str(album),
        "album-image": str(AlbumImage.objects.get().number),
        "album-group": str(FaceGroup.objects.get().number),
        "liveness-session": session.json()["id"],
        "blacklist": str(BlacklistEntry.objects.get().number),
        "job": str(Job.objects.get().pk),
        "recogniser": str(Recogniser.objects.create(client=client_a, gallery=staff, space="fake", version=1).number),
        "processed-image": str(ProcessedImage.objects.get().number),
        "image_id": str(ReferenceImage.objects.get(person__kind=GalleryKind.BLACKLIST).number),
        "people": str(person.number),
        "gallery": staff.name,
        "respace": str(Respace.objects.create(client=client_a, space="fake", state="closed").number),
        "erasure": str(receipts.add(Erased.PERSON, client_id=client_a.pk, objects=[], taken={}).uuid),
        "webhook": str(hook.uuid),
        "delivery_id": str(send_test(subscription=hook).pk),
        "image_id of people": str(person.reference_images.get().number),
    }


def api_patterns() -> Iterator[URLPattern]:
    api = next(entry for entry in get_resolver().url_patterns if str(entry.pattern) == "api/v1/")
    for pattern in api.url_patterns:
        if "<format>" not in str(pattern.pattern):
            yield pattern


def owner_key(name: str) -> str:
    keys = ("liveness-session", "processed-image", "blacklist", "job", "people", "recogniser", "gallery", "respace")
    keys += ("webhook", "erasure", "album-image", "album-group", "album")
    return next(key for key in keys if name.startswith(key))


def routes(owned: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Every (route name, method, path) of the API that names or lists stored objects."""
    for pattern in api_patterns():
        name = pattern.name or ""
        if name in OPEN:
            continue
        text = str(pattern.pattern).removeprefix("^").removesuffix("$").replace("\\Z", "")
        text = text.replace("(?P<album_id>[^/]+)", owned["album"])
        image = owned["image_id of people" if name.startswith("people") else "image_id"]
        text = text.replace("(?P<image_id>[^/]+)", image).replace("(?P<delivery_id>[^/.]+)", owned["delivery_id"])
        text = re.sub(r"\(\?P<(pk|name|uuid)>[^)]+\)", owned[owner_key(name)], text)
        for method in list(pattern.callback.actions):
            yield name, method, f"/api/v1/{text}"


def test_foreign_objects_do_not_exist(owned: dict[str, str], client_b: Client) -> None:
    api = api_of(client_b)
    tried = 0
    for name, method, path in routes(owned):
        if name in LISTS:
            continue
        body = BODIES.get(name, {})
        body = body() if callable(body) else body
        kind = "multipart" if name == "blacklist-images" else "json"
        response = getattr(api, method)(path, *([body] if method not in {"get", "head"} else []), format=kind)
        assert response.status_code == 404, (name, method, path, response.status_code)
        tried += 1
    assert tried >= 45
    assert Gallery.objects.filter(name="staff").exists()
    assert Album.objects.get().name == "Red"
    assert AlbumImage.objects.count() == FaceGroup.objects.filter(person=None).count() == 1
    assert BlacklistEntry.objects.get().name == Person.objects.of_kind(GalleryKind.PEOPLE).get().name == "Red"
    assert ProcessedImage.objects.count() == Job.objects.count() == 1
    assert ReferenceImage.objects.count() == 2


def test_foreign_lists_are_empty(owned: dict[str, str], client_b: Client) -> None:
    api = api_of(client_b)
    seen = set()
    for name, method, path in routes(owned):
        if name in LISTS and method == "get":
            body = api.get(path).json()
            assert (body if isinstance(body, list) else body["items"]) == []
            seen.add(name)
    assert seen == LISTS


def test_the_owner_reaches_the_same_routes(owned: dict[str, str], client_a: Client) -> None:
    """The paths of the test above are right: with the owner's key none of the reads is a 404."""
    api = api_of(client_a)
    for name, method, path in routes(owned):
        if method == "get":
            assert api.get(path).status_code == 200, (name, path)


def test_another_clients_entries_are_not_searched(owned: dict[str, str], client_b: Client) -> None:
    body = {"images": [data_url(picture(RED))]}
    [result] = api_of(client_b).post("/api/v1/process/process-images", body, format="json").json()
    assert result["faces"][0]["blacklist_matches"] == []


def test_another_clients_people_are_not_searched(owned: dict[str, str], client_b: Client) -> None:
    body = {"image": data_url(picture(RED))}
    [face] = api_of(client_b).post("/api/v1/people/search", body, format="json").json()["faces"]
    assert face["candidates"] == []


def test_without_a_key_nothing_is_answered(owned: dict[str, str]) -> None:
    for name, method, path in routes(owned):
        response = getattr(APIClient(), method)(path)
        assert response.status_code == 401, (name, method)


@pytest.mark.parametrize("config", configs(), ids=lambda config: config.label)
def test_what_is_anothers_does_not_exist_in_a_compatibility_api(
    config: DialectConfig, client_a: Client, client_b: Client
) -> None:
    calls = import_module(f"{config.name}.tests.isolation")
    assert {route.name for route in config.dialect.routes} == set(calls.NOTHING) | calls.OPEN
    calls.store(client_a)
    foreign, own = calls.ask(client_b), calls.ask(client_a)
    assert set(foreign) == set(own) == set(calls.NOTHING)
    for name, expected in calls.NOTHING.items():
        assert foreign[name].items() >= expected.items(), name
        assert not own[name].items() >= expected.items(), name  # the call is one that would find it


def test_the_same_id_is_two_people_of_two_clients(client_a: Client, client_b: Client) -> None:
    for client in (client_a, client_b):
        ekyc.store(client)
    assert Person.objects.filter(client=client_a).count() == Person.objects.filter(client=client_b).count() == 1
