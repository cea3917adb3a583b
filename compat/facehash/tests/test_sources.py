"""Images come in the form itself: nothing that a text names is fetched or opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from clients.models import Client
from clients.services import create_api_key
from people.models import Person
from vision import sources
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db
URL = "https://images.example.org/red.png"


@pytest.mark.parametrize("text", [URL, "red.png", "./red.png"])
def test_a_url_or_path_is_no_image(
    text: str, client_a: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "red.png").write_bytes(picture(RED))
    settings.URL_HOSTS, settings.IMPORT_ROOT = ["images.example.org"], tmp_path
    fetched: list[str] = []
    monkeypatch.setattr(sources.fetching, "fetch", lambda url, **_: fetched.append(url) or picture(RED))
    key = create_api_key(client_name=client_a.name)[1]
    recognised = Browser().post(f"/{key}", {"picture": text}).json()
    trained = Browser().post(f"/{key}/train", {"stream": text, "userName": "red"}).json()
    assert (recognised["foundFlag"], recognised["responseType"]) == (0, "ERROR")
    assert trained["trainingSuccess"] == 0
    assert fetched == [] and not Person.objects.exists()
