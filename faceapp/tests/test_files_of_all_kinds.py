"""Files that trouble other programs, through every interface that takes images: read, or refused with a code."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from PIL import Image as Pillow
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from compat.faceanalysis import accounts
from environment import BASE_DIR
from faceapp.tests import missing
from vision.exceptions import IMAGE_ERRORS
from vision.tests.pictures import save

pytestmark = pytest.mark.django_db

INPUTS = BASE_DIR.parent / "shared" / "findings" / "inputs"
READ = (
    *("blur14_kit_1.jpg", "blur14_lin_1.jpg", "exif6.tif", "grey12in16.png", "no_eoi.jpg", "png_ztxt3M.png"),
    *("same_face_x4.jpg", "sideways90_alex_1.jpg", "strip_12000x900.jpg"),
)
REFUSED = {"dng_like.tif": "image.unsupported_format"}
TOO_LARGE = ("nextcloud", "strip_12000x900.jpg")  # for the area that the app was told
MADE = {
    "plain.avif": (save(Pillow.new("RGB", (200, 100), "grey"), "AVIF"), None),
    "blank.webp": (save(Pillow.new("RGB", (3000, 2000), "grey"), "WEBP", lossless=True), "image.blank"),
    "bare.jxl": (b"\xff\x0a\xfa\x1f\x01" + bytes(9999), "image.unsupported_format"),
}
Sent = Callable[[APIClient, str, bytes], HttpResponse]


def _upload(path: str, field: str, **fields: Any) -> Sent:
    def send(api: APIClient, name: str, data: bytes) -> HttpResponse:
        file = SimpleUploadedFile(name, data, "image/jpeg")
        return api.post(path, fields | {field: file}, format="multipart")

    return send


def _text(path: str, shape: Callable[[str], Any]) -> Sent:
    return lambda api, _, data: api.post(path, shape(b64encode(data).decode()), format="json")


def _facehash(api: APIClient, _: str, data: bytes) -> HttpResponse:
    fields = {"picture": b64encode(data).decode()}
    return api.post(f"/{api.defaults['HTTP_X_API_KEY']}/recognize", fields, format="multipart")


INTERFACES: dict[str, Sent] = {
    "detect": _text("/api/v1/detect/detect-face", lambda text: {"image": text}),
    "process": _text("/api/v1/process/process-images", lambda text: {"images": [text]}),
    "people": _text("/api/v1/people/", lambda text: {"image": text, "external_id": uuid4().hex}),
    "people, uploaded": lambda api, name, data: _upload("/api/v1/people/", "image", external_id=name)(api, name, data),
    "ekyc": _text("/search", lambda text: {"image": text}),
    "nextcloud": _upload("/detect", "file"),
    "deepface": _text("/verify", lambda text: {"img1": text, "img2": text}),
    "deepface, uploaded": _upload("/register", "img"),
    "facehash": _facehash,
}


@pytest.fixture
def api(client_a: Client) -> APIClient:
    cache.clear()
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name, scopes=["all", "nextcloud"])[1]})


@pytest.fixture
def files() -> dict[str, tuple[bytes, str | None]]:
    """The bytes of each file, and the code with which it is to be refused."""
    if not INPUTS.is_dir():
        pytest.skip(f"{missing.DATA}: ../shared/findings, files that trouble other programs")
    return MADE | {name: ((INPUTS / name).read_bytes(), REFUSED.get(name)) for name in (*READ, *REFUSED)}


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_file_is_read_or_refused_with_a_reason(
    interface: str, files: dict[str, tuple[bytes, str | None]], api: APIClient
) -> None:
    """A face may be missing from what is read; nothing else about it is complained of."""
    for name, (data, code) in files.items():
        refused = "image.too_many_pixels" if (interface, name) == TOO_LARGE else code
        response = INTERFACES[interface](api, name, data)
        assert response.status_code < 500, name
        told = response.content.decode()
        complaints = {code for code, message in IMAGE_ERRORS.items() if message.partition("{")[0] in told}
        assert complaints == ({refused} if refused else set()), name
        if not refused and interface in ("detect", "process", "nextcloud"):
            assert response.status_code == 200, name


def test_the_older_program_takes_its_two_formats(files: dict[str, tuple[bytes, str | None]], client_a: Client) -> None:
    cache.clear()
    accounts.create_account(client=client_a, username="alice", password="secret")
    api = APIClient(headers={"Authorization": f"Basic {b64encode(b'alice:secret').decode()}"})
    for name, (data, _) in files.items():
        response = _upload("/api/v1/upload_image", "image")(api, name, data)
        assert response.status_code == (200 if name.endswith((".jpg", ".png")) else 400), name
