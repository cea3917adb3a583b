"""Images of a call that have to be fetched: the limit comes first, and they share the time that a caller waits."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from albums.services import create_album
from clients.models import Client
from clients.services import create_api_key
from vision import fetching
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[float | None]:
    """The seconds that each fetched image had."""
    settings.URL_HOSTS, settings.MAX_BATCH_IMAGES, settings.FACEAPP_WAIT_SECONDS = ["example.org"], 5, 30.0
    seen: list[float | None] = []

    def fetch(url: str, *, patience: float | None = None) -> bytes:
        seen.append(patience)
        return picture(RED)

    monkeypatch.setattr(fetching, "fetch", fetch)
    return seen


@pytest.fixture(params=["process", "albums"])
def path(request: pytest.FixtureRequest, client_a: Client) -> str:
    if request.param == "process":
        return "/api/v1/process/process-images"
    return f"/api/v1/albums/{create_album(client=client_a, name='holiday').number}/images/"


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name, scopes=["all", "references"])[1]})


def send(api: APIClient, path: str, count: int) -> Any:
    return api.post(path, {"images": [f"https://example.org/{n}.png" for n in range(count)]}, format="json")


def test_oversized_calls_are_refused_before_anything_is_fetched(
    api: APIClient, path: str, fetched: list[float | None]
) -> None:
    answer = send(api, path, 50)
    assert (answer.status_code, answer.json()["code"]) == (422, "images.too_many")
    assert fetched == []


def test_empty_calls_are_refused(api: APIClient, path: str, fetched: list[float | None]) -> None:
    answer = send(api, path, 0)
    assert (answer.status_code, answer.json()["code"]) == (400, "images.none")


def test_images_of_one_call_share_a_deadline(api: APIClient, path: str, fetched: list[float | None]) -> None:
    assert send(api, path, 4).status_code in {200, 201}
    assert len(fetched) == 4
    assert all(seconds is not None and seconds <= 30 for seconds in fetched)
    assert sorted(fetched, reverse=True) == fetched  # type: ignore[type-var]
