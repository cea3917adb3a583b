"""`/api/v1/anti-spoof` with the fake engine, system checks, and what the admin shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from liveness.checks import check_model, check_numbers, check_passive_scores, check_policy
from liveness.services import start_session
from liveness.tests.pictures import frame
from vision.tests.drawing import BLUE, RED, data_url, picture
from vision.types import Box, DetectedFace, Expression, FrameFace, Landmarks

pytestmark = pytest.mark.django_db
URL = "/api/v1/anti-spoof"


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name, scopes=["liveness"])[1]})


def test_the_answer_has_the_older_services_shape(api: APIClient, antispoof: None) -> None:
    response = api.post(URL, {"image": data_url(frame(RED, fake=True))}, format="json")
    assert response.json() == {"status": "SUCCESS", "fake_prob": 95.0, "is_fake": True}
    upload = SimpleUploadedFile("a.png", frame(BLUE))
    response = api.post(URL + "/", {"image": upload}, format="multipart")
    assert response.json() == {"status": "SUCCESS", "fake_prob": 5.0, "is_fake": False}


@pytest.mark.parametrize(
    ("body", "status", "code", "text"),
    [
        ({"image": data_url(picture())}, 400, "face.none", "NO_FACE_ERROR"),
        ({"image": "x"}, 400, "image.not_an_image", "INPUT_ERROR"),
        ({"image": "https://localhost/a.jpg"}, 400, "image.not_an_image", "INPUT_ERROR"),
        ({"image": 5}, 422, "validation_error", "INPUT_ERROR"),
        ({}, 422, "validation_error", "INPUT_ERROR"),
    ],
)
def test_refusals_have_both_shapes(
    api: APIClient, antispoof: None, body: dict[str, Any], status: int, code: str, text: str
) -> None:
    response = api.post(URL, body, format="json")
    assert response.status_code == status
    assert (response.json()["code"], response.json()["status"]) == (code, text)


def test_without_weights_there_is_no_answer(api: APIClient) -> None:
    response = api.post(URL, {"image": data_url(frame(RED))}, format="json")
    assert (response.status_code, response.json()["code"]) == (503, "engine.weights_missing")
    assert response.json()["status"] == "ERROR"


def test_checks_say_what_cannot_work(settings: Settings, antispoof: None) -> None:
    settings.LIVENESS_POLICY = "sometimes"
    assert [found.id for found in check_policy()] == ["liveness.E001"]
    settings.LIVENESS_POLICY = "both"
    assert check_policy() == check_model() == check_numbers() == []
    settings.ANTISPOOF = "fasnet"
    assert check_model() == []
    settings.ANTISPOOF_MODEL, settings.ANTISPOOF_THRESHOLD, settings.LIVENESS_ATTEMPTS = "/nowhere.onnx", 1.5, 0
    settings.ANTISPOOF = "fastnet"
    assert [found.id for found in check_model()] == ["liveness.E004", "liveness.E002"]
    assert [found.id for found in check_numbers()] == ["liveness.E003"] * 2


@pytest.mark.parametrize(("policy", "number"), [("", "liveness.I001"), ("both", "liveness.W001"), ("frames", "")])
def test_checks_say_when_there_are_no_passive_scores(settings: Settings, policy: str, number: str) -> None:
    settings.LIVENESS_POLICY = policy
    assert [found.id for found in [*check_policy(), *check_passive_scores()]] == ([number] if number else [])


def test_the_admin_shows_sessions_and_changes_none(client_a: Client, client: Browser) -> None:
    User.objects.create_superuser("root", password="root")
    client.login(username="root", password="root")
    session = start_session(client=client_a, purpose="onboarding", subject="u-17")
    base = "/admin/liveness/livenesssession/"
    assert b"u-17" in client.get(base).content
    page = client.get(f"{base}{session.pk}/change/")
    assert page.status_code == 200 and session.nonce.encode() not in page.content
    assert client.get(f"{base}add/").status_code == 403
    assert client.post(f"{base}{session.pk}/change/", {"status": "passed"}).status_code == 403
    assert b"liveness_policy" in client.get(f"/admin/clients/client/{client_a.pk}/change/").content


def test_what_frames_are_compared_by_survives_the_way_from_the_worker() -> None:
    own = FrameFace(bytes(range(256)), Expression(eyes=0.3, mouth=0.1), yaw=-12.5)
    face = DetectedFace(Box(1, 2, 3, 4), 0.9, Landmarks(nose=(1.0, 2.0)), frame=own)
    assert DetectedFace.from_json(face.to_json()) == face
