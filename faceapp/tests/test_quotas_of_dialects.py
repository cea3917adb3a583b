"""How each dialect refuses what exceeds a quota."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from rest_framework.test import APIClient

from clients import quotas
from clients.models import Client
from clients.quotas import take_images
from clients.services import create_api_key
from compat.faceanalysis import accounts
from compat.facehash.tests.wire import stream_of
from faceapp.tests.test_quotas import IMAGE, RED, SIZE, allow, caller, enrol, files, post, refusal
from people.models import Person
from vision.tests.drawing import BLUE, data_url, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("servers")]


def ask_ekyc(client: Client) -> Any:
    body = {"people_id": "u2", "created_at": "1", "image": IMAGE, "is_live_check": False}
    return post(caller(client), "/register-face", **body)


def ask_facehash(client: Client) -> Any:
    key = create_api_key(client_name=client.name)[1]
    return Browser().post(f"/{key}/train", {"stream": stream_of(picture(RED)), "userName": "paul"})


def ask_faceanalysis(client: Client) -> Any:
    accounts.create_account(client=client, username="alice", password="secret")
    api = APIClient(headers={"Authorization": "Basic YWxpY2U6c2VjcmV0"})
    image = SimpleUploadedFile("a.jpg", picture(RED, kind="JPEG"), "image/jpeg")
    return api.post("/api/v1/upload_image", {"image": image}, format="multipart")


def cloud(client: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client.name, scopes=["nextcloud"])[1]})


def ask_nextcloud(client: Client) -> Any:
    return cloud(client).post("/detect", {"file": SimpleUploadedFile("a.jpg", picture(RED))}, format="multipart")


def ask_compreface(client: Client) -> Any:
    file = SimpleUploadedFile("a.jpg", picture(RED))
    return caller(client).post("/api/v1/recognition/faces?subject=paul", {"file": file}, format="multipart")


def ask_deepstack(client: Client) -> Any:
    fields = {"userid": "paul", "image": SimpleUploadedFile("a.jpg", picture(RED))}
    return caller(client).post("/v1/vision/face/register", fields, format="multipart")


def ask_deepface(client: Client) -> Any:
    return post(caller(client), "/register", img=data_url(picture(BLUE)), img_name="u2")  # RED is known


ASK: dict[str, Callable[[Client], Any]] = {
    "ekyc": ask_ekyc, "facehash": ask_facehash, "faceanalysis": ask_faceanalysis, "nextcloud": ask_nextcloud,
    "compreface": ask_compreface, "deepstack": ask_deepstack,
    "deepface": ask_deepface,
}  # fmt: skip
SHAPES = {
    "ekyc": {"status", "msg", "message", "code"},
    "facehash": {"responseType", "errorDescription"},
    "faceanalysis": {"error_msg"},
    "nextcloud": {"detail", "code"},
    "compreface": {"message", "code"},
    "deepstack": {"success", "error", "code", "error_code"},
    "deepface": {"error", "code"},
}


@pytest.mark.parametrize("dialect", list(ASK))
def test_dialects_refuse_images_in_their_own_words(client_a: Client, media_root: Path, dialect: str) -> None:
    allow(client_a, max_images_a_day=1)
    take_images(client_a, 1)
    response = ASK[dialect](client_a)
    assert response.status_code == 429 and response.headers["Retry-After"]
    assert SHAPES[dialect] <= set(response.json()) and "1 images a day" in json.dumps(response.json())
    assert files(media_root) == 0


@pytest.mark.parametrize(
    ("dialect", "limits", "status"),
    [
        ("ekyc", {"max_people": 1}, 409),
        ("facehash", {"max_templates": 1}, 409),
        ("compreface", {"max_people": 1}, 409),
        ("deepstack", {"max_people": 1}, 409),
        ("deepface", {"max_people": 1}, 409),
        ("ekyc", {"max_stored_mb": 1}, 507),
        ("deepface", {"max_stored_mb": 1}, 507),
        ("facehash", {"max_stored_mb": 1}, 507),
        ("faceanalysis", {"max_stored_mb": 1}, 507),
    ],
)
def test_dialects_refuse_what_would_be_stored(
    client_a: Client,
    media_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    dialect: str,
    limits: dict[str, int],
    status: int,
) -> None:
    monkeypatch.setattr(quotas, "MEGABYTE", SIZE)
    enrol(client_a, "u1")
    allow(client_a, **limits)
    response = ASK[dialect](client_a)
    assert response.status_code == status and SHAPES[dialect] <= set(response.json())
    assert (Person.objects.count(), files(media_root)) == (1, 1)


def test_nextcloud_is_told_before_it_sends_an_image(client_a: Client) -> None:
    allow(client_a, max_images_a_day=1)
    api = cloud(client_a)
    assert api.get("/open").status_code == 200
    take_images(client_a, 1)
    assert refusal(api.get("/open")) == (429, "quota.images")
