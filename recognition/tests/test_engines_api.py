"""`/api/v1/engines/`: for every key, the engines in their order and a card of each model."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client as Browser
from django.urls import reverse
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, Scope
from clients.services import create_api_key
from vision.engines import engines, overview, runtime, weights
from vision.engines.devices import Device


@pytest.fixture
def api(client_a: Client) -> APIClient:
    """With a key that may only detect faces."""
    _, key = create_api_key(client_name=client_a.name, scopes=[Scope.DETECT])
    return APIClient(headers={"X-API-Key": key})


def test_engines_come_in_their_order_with_space_and_device(api: APIClient) -> None:
    body = api.get("/api/v1/engines/").json()
    assert [engine["alias"] for engine in body["engines"]] == ["default", "second"]
    first = body["engines"][0]
    assert first["dimensions"] == engines["default"].space.dimensions
    assert first["device"] == "auto" and first["missing"] == [] and first["space"] and first["detector"]
    assert body["licence"] == "any"


@pytest.mark.usefixtures("redis_flush")
def test_the_device_is_the_one_that_a_worker_reported(
    api: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEVICE = "cuda:0,cuda:1"
    assert api.get("/api/v1/engines/").json()["engines"][0]["device"] == "cuda:0,cuda:1"
    monkeypatch.setattr(runtime, "device", lambda: Device("CUDAExecutionProvider", 1))
    overview.report_device()
    assert api.get("/api/v1/engines/").json()["engines"][0]["device"] == "cuda:1"


def test_each_model_has_a_card_with_its_files(api: APIClient) -> None:
    models = {model["name"]: model for model in api.get("/api/v1/engines/").json()["models"] if model["files"]}
    pair = models["pair128"]
    assert (pair["kind"], pair["licence"], pair["dimensions"]) == ("recogniser", "MIT", 128)
    assert not pair["enabled"] and pair["permitted"]
    assert [file["name"] for file in pair["files"]] == ["fr_feature.onnx", "MobileFaceNet.tflite"]
    assert pair["files"][0]["sha256"] == weights.FR_FEATURE.sha256
    assert pair["files"][0]["origin"] == "faceplugin-face-recognition-js 0.0.1 (npm): package/model/fr_feature.onnx"
    assert str(weights.folder()) not in str(models)  # callers learn no paths


def test_a_model_that_is_not_permitted_is_marked(api: APIClient, settings: Settings) -> None:
    settings.LICENCE = "permissive"
    models = {model["name"]: model for model in api.get("/api/v1/engines/").json()["models"]}
    assert not models["Buffalo_L"]["permitted"] and models["pair128"]["permitted"]


def test_without_a_key_there_is_no_answer(db: None) -> None:
    assert APIClient().get("/api/v1/engines/").status_code == 401


def test_the_admin_shows_the_cards_to_its_users_only(admin_client: Browser, client: Browser, db: None) -> None:
    page = admin_client.get(reverse("models")).content.decode()
    assert "pair128" in page and "Enabled engines" in page and weights.FR_FEATURE.sha256 in page
    assert reverse("models") in admin_client.get(reverse("admin:index")).content.decode()
    client.force_login(get_user_model().objects.create_user("alice", password="x"))
    assert client.get(reverse("models")).status_code == 302
