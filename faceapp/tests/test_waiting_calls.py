"""Every route that waits for workers refuses a client that has too many such calls, in the words of its dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client
from clients.quotas import Quota, usage_of
from faceapp.tests.test_quotas import BLACKLIST, DETECT, IMAGE, PEOPLE, PROCESS, RED, caller, enlist, post
from faceapp.tests.test_quotas_of_dialects import ASK, SHAPES
from people.models import Person
from recognition.models import Job
from vision import dispatch
from vision.tests.drawing import picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("servers")]


@pytest.fixture
def busy(client_a: Client, settings: Settings) -> Iterator[Client]:
    """A client with one call that waits, of one that may, where no engine is at hand."""
    settings.CELERY_TASK_ALWAYS_EAGER, settings.CLIENT_WAITING = False, 1
    key = f"faceapp:callers:{client_a.pk}"
    dispatch.counters().zadd(key, {"another call": 4_000_000_000})
    yield client_a
    dispatch.counters().delete(key)
    dispatch.act_for("")


def frames(api: APIClient) -> Any:
    files = [SimpleUploadedFile("a.png", picture(RED)) for _ in range(3)]
    return api.post("/api/v1/anti-spoof/", {"image": files[0]}, format="multipart")


CALLS: dict[str, Callable[[APIClient], Any]] = {
    "detect": lambda api: post(api, DETECT, image=IMAGE),
    "screen one": lambda api: post(api, PROCESS, images=[IMAGE]),
    "screen several": lambda api: post(api, PROCESS, images=[IMAGE, IMAGE]),
    "enrol": lambda api: post(api, PEOPLE, image=IMAGE, external_id="u1"),
    "search": lambda api: post(api, f"{PEOPLE}search/", image=IMAGE),
    "compare": lambda api: post(api, "/api/v1/compare/", image=IMAGE, images=[IMAGE, IMAGE]),
    "list": lambda api: enlist(api, "Mallory", RED, RED),
    "liveness": frames,
}


@pytest.mark.parametrize("call", list(CALLS))
def test_native_routes(busy: Client, media_root: Path, call: str) -> None:
    response = CALLS[call](caller(busy))
    assert (response.status_code, response.json()["code"]) == (429, "rate.too_many_waiting")
    assert response.headers["Retry-After"] == "1"
    assert_nothing_happened(busy, media_root)


@pytest.mark.parametrize("dialect", ["ekyc", "facehash", "nextcloud", "compreface"])
def test_dialects(busy: Client, media_root: Path, dialect: str) -> None:
    response = ASK[dialect](busy)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert SHAPES[dialect] <= set(response.json())
    assert_nothing_happened(busy, media_root)


def assert_nothing_happened(client: Client, media_root: Path) -> None:
    assert not (Person.objects.exists() or Job.objects.exists() or [*media_root.rglob("*.*")])
    assert usage_of(client)[Quota.IMAGES_TODAY].used == 0


def test_what_does_not_wait_is_answered(busy: Client) -> None:
    api = caller(busy)
    assert api.get(PEOPLE).status_code == api.get(BLACKLIST).status_code == 200
    assert post(api, f"{PROCESS}?async=true", images=[IMAGE]).status_code == 202
