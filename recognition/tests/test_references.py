"""Images that are named by URL or path: a folder and hosts are shared by all clients, so it takes a scope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, Role
from clients.services import create_api_key
from clients.tests.members import make_member
from recognition.models import ProcessedImage
from vision import fetching
from vision.tests.drawing import RED, data_url, picture

pytestmark = pytest.mark.django_db
PROCESS, PEOPLE = "/api/v1/process/process-images", "/api/v1/people/"
URL = "https://images.example.org/red.png"


@pytest.fixture(autouse=True)
def named(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that were fetched."""
    (tmp_path / "red.png").write_bytes(picture(RED))
    settings.URL_HOSTS, settings.IMPORT_ROOT = ["images.example.org"], tmp_path
    seen: list[str] = []
    monkeypatch.setattr(fetching, "fetch", lambda url, **_: seen.append(url) or picture(RED))
    return seen


def api_of(client: Client, *scopes: str) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client.name, scopes=scopes)[1]})


def codes(api: APIClient) -> list[str | None]:
    """What is wrong with an image by URL and one by path."""
    answer: Any = api.post(PROCESS, {"images": [URL, "./red.png"]}, format="json")
    return [result["error_code"] for result in answer.json()]


def test_the_scope_opens_both_ways(client_a: Client, named: list[str]) -> None:
    assert codes(api_of(client_a, "all", "references")) == [None, None]
    assert named == [URL]


def test_without_the_scope_nothing_is_read(client_a: Client, named: list[str]) -> None:
    api = api_of(client_a, "all")
    assert codes(api) == ["image.reference_refused"] * 2
    enrolled = api.post(PEOPLE, {"external_id": "u1", "image": "./red.png"}, format="json")
    assert (enrolled.status_code, enrolled.json()["code"]) == (400, "image.reference_refused")
    assert named == [] and not ProcessedImage.objects.exclude(image="").exists()
    assert api.post(PROCESS, {"images": [data_url(picture(RED))]}, format="json").json()[0]["error_code"] is None


def test_one_caller_does_not_inherit_from_the_one_before(client_a: Client, settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT = "older-programs"
    codes(api_of(client_a, "all", "references"))
    assert codes(api_of(client_a, "all")) == codes(APIClient()) == ["image.reference_refused"] * 2


def test_callers_without_a_key_need_a_setting(settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT, settings.ANONYMOUS_REFERENCES = "older-programs", True
    assert codes(APIClient()) == [None, None]


def test_users_who_are_logged_in_send_files(client_a: Client) -> None:
    browser = APIClient()
    browser.force_login(make_member(client_a, Role.MANAGER))
    assert codes(browser) == ["image.reference_refused"] * 2


def test_what_is_switched_off_is_said_first(client_a: Client, settings: Settings) -> None:
    settings.URL_HOSTS, settings.IMPORT_ROOT = [], None
    assert codes(api_of(client_a, "all"))[1] == "image.path_disabled"
