"""Every list of the API: its rows are in an order, pages neither repeat nor lose any, and odd filters are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient
from rest_framework.viewsets import GenericViewSet

from albums.models import Album, AlbumImage, FaceGroup
from albums.services import create_album
from audit import receipts
from audit.services import record
from audit.types import Action, Erased
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from clients.models import Client, Scope
from clients.services import create_api_key
from notifications.models import Subscription
from people.models import Gallery, Respace
from people.services import create_person
from recognition.models import Job, ProcessedImage
from training.models import Recogniser
from vision.tests.drawing import RED, picture
from vision.types import Upload
from work.models import Status

pytestmark = pytest.mark.django_db
LISTING = {"list", "results"}  # actions
FILTERS = ["source", "external_id", "name", "status", "job", "has_match", "since", "until", "newest", "limit", "offset"]


def add_job(client: Client, number: int) -> Job:
    return Job.objects.create(client=client, metric="euclidean", threshold=0.2)


def add_processed_image(client: Client, number: int) -> ProcessedImage:
    job = Job.objects.filter(client=client).first() or add_job(client, 0)
    return ProcessedImage.objects.create(client=client, job=job, position=number, status=Status.DONE)


def add_recogniser(client: Client, number: int) -> Recogniser:
    gallery = Gallery.objects.named(client, "staff")
    return Recogniser.objects.create(client=client, gallery=gallery, space="fake", version=number, status=Status.FAILED)


def album_of(client: Client) -> Album:
    return Album.objects.filter(client=client).first() or create_album(client=client, name="holiday")


def add_album_image(client: Client, number: int) -> AlbumImage:
    return AlbumImage.objects.create(album=album_of(client), status=Status.DONE)


def add_group(client: Client, number: int) -> FaceGroup:
    return FaceGroup.objects.create_in(album_of(client).pk)


def add_entry(client: Client, number: int) -> BlacklistEntry:
    return create_entry(client=client, name=f"entry {number}", uploads=[Upload(picture(RED))]).entry


ROWS: dict[str, Callable[[Client, int], Any]] = {
    "audit-list": lambda client, number: record(Action.CHANGE, client_id=client.pk, objects=[f"person:{number}"]),
    "erasure-list": lambda client, number: receipts.add(Erased.PERSON, client_id=client.pk, objects=[], taken={}),
    "blacklist-list": add_entry,
    "job-list": add_job,
    "processed-image-list": add_processed_image,
    "job-results": add_processed_image,
    "people-list": lambda client, number: create_person(client=client, name=f"person {number}"),
    "recogniser-list": add_recogniser,
    "gallery-list": lambda client, number: Gallery.objects.named(client, f"gallery {number}"),
    "respace-list": lambda client, number: Respace.objects.create(client=client, space=f"s{number}", state="closed"),
    "album-list": lambda client, number: create_album(client=client, name=f"album {number}"),
    "album-image-list": add_album_image,
    "album-group-list": add_group,
    "webhook-list": lambda client, number: Subscription.objects.create(
        client=client, name=f"webhook {number}", target="https://hooks.example.org/", events=["hit"]
    ),
}


def lists(patterns: list[Any] | None = None, prefix: str = "/") -> Iterator[tuple[str, str, type[GenericViewSet[Any]]]]:
    """Name, path and view of every route whose GET answers a list of rows."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + re.sub(r"^\^|\$$|\\Z", "", str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from lists(entry.url_patterns, path)
        elif isinstance(entry, URLPattern) and getattr(entry.callback, "actions", {}).get("get") in LISTING:
            view = entry.callback.cls  # type: ignore[attr-defined]
            if hasattr(view, "get_queryset"):  # others list what is no row, such as engines
                yield entry.name or "", path, view


NAMES = sorted({name for name, _, _ in lists()})


@pytest.fixture
def api(client_a: Client) -> APIClient:
    key = create_api_key(client_name=client_a.name, scopes=Scope.values)[1]
    return APIClient(headers={"X-API-Key": key})


def fill(name: str, client: Client, count: int = 5) -> str:
    """Store rows; returns the path that lists them."""
    for number in range(count):
        ROWS[name](client, number)
    path = next(path for found, path, _ in lists() if found == name)
    path = path.replace("(?P<album_id>[^/]+)", str(album_of(client).number))
    return re.sub(r"\(\?P<pk>[^)]+\)", str(Job.objects.order_by("pk").values_list("pk", flat=True).first()), path)


def test_every_list_is_tried() -> None:
    assert set(NAMES) == set(ROWS)


@pytest.mark.parametrize("name", NAMES)
def test_every_list_is_in_an_order(
    name: str, api: APIClient, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = next(view for found, _, view in lists() if found == name)
    real, seen = view.get_queryset, []

    def recording(self: Any) -> Any:
        seen.append(real(self))
        return seen[-1]

    monkeypatch.setattr(view, "get_queryset", recording)
    answer = api.get(fill(name, client_a))
    assert answer.status_code == 200, answer.content
    assert seen and all(queryset.ordered for queryset in seen)


@pytest.mark.parametrize("name", NAMES)
def test_pages_neither_repeat_nor_lose_rows_while_rows_are_added(name: str, api: APIClient, client_a: Client) -> None:
    path = fill(name, client_a)
    whole = api.get(path).json()
    if isinstance(whole, list):
        pytest.skip("answered without pages")
    before = [identity(item) for item in whole["items"]]
    seen: list[str] = []
    link = f"{path}?limit=2"
    for number in range(10, 30):
        answer = api.get(link)
        seen += [identity(item) for item in answer.json()["items"]]
        links = requests.utils.parse_header_links(answer.get("Link", ""))
        if not links:
            break
        [link] = [found["url"] for found in links if found["rel"] == "next"]
        if number < 13:
            ROWS[name](client_a, number)
    assert len(before) >= 5
    assert len(seen) == len(set(seen))
    assert [one for one in seen if one in before] == before


def identity(item: dict[str, Any]) -> str:
    return str(item.get("id") or item.get("db_id") or item["name"])


def test_lists_begin_with_what_is_newest(api: APIClient, client_a: Client) -> None:
    """Pages that begin in the middle, too."""
    jobs = [str(add_job(client_a, number).pk) for number in range(6)][::-1]
    assert [job["id"] for job in api.get("/api/v1/jobs/").json()["items"]] == jobs
    answer = api.get("/api/v1/jobs/?limit=2&offset=2")
    add_job(client_a, 7)
    [link] = requests.utils.parse_header_links(answer["Link"])
    assert [job["id"] for job in api.get(link["url"]).json()["items"]] == jobs[4:]


@pytest.mark.parametrize("name", NAMES)
def test_no_filter_breaks_a_list(name: str, api: APIClient, client_a: Client) -> None:
    path = fill(name, client_a)
    for parameter in FILTERS:
        for value in ("%00", "a%00b", "%ED%A0%80", "%FF", "\N{FACE WITH TEARS OF JOY}"):
            assert api.get(f"{path}?{parameter}={value}").status_code in {200, 422}, (parameter, value)
