"""What `faceapp.tests.test_isolation` asks of this dialect."""

from __future__ import annotations

import base64
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from clients.models import Client
from compat.faceanalysis import accounts
from compat.faceanalysis.models import Account
from vision.tests.drawing import RED, picture

API = "/api/v1/"
OPEN = {f"faceanalysis-{name}" for name in ("register", "token", "upload")}  # make what is the caller's own
UNKNOWN = {"error_msg": "Image not yet uploaded"}
NOTHING: dict[str, dict[str, Any]] = {
    "faceanalysis-process": UNKNOWN,
    "faceanalysis-status": UNKNOWN,
    "faceanalysis-matches": {"imgs": [], "distances": []},
    "faceanalysis-images": {"imgs": []},
}


def caller(client: Client) -> APIClient:
    if not Account.objects.filter(username=client.name).exists():
        accounts.create_account(client=client, username=client.name, password="secret")
    text = base64.b64encode(f"{client.name}:secret".encode()).decode()
    return APIClient(headers={"Authorization": f"Basic {text}"})


def store(client: Client) -> None:
    """Two images of one person, of which one is processed; the other one is left for `faceanalysis-process`."""
    api = caller(client)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        upload = SimpleUploadedFile(name, picture(RED, kind="JPEG"), "image/jpeg")
        assert api.post(f"{API}upload_image", {"image": upload}, format="multipart").status_code == 200
    for image in ("a", "b"):
        assert api.post(f"{API}process_image", {"img_id": image}, format="json").status_code == 200


def ask(client: Client) -> dict[str, dict[str, Any]]:
    api = caller(client)
    return {
        "faceanalysis-status": api.get(f"{API}process_image/a").json(),
        "faceanalysis-matches": api.get(f"{API}image_matches/a").json(),
        "faceanalysis-images": api.get(f"{API}images").json(),
        "faceanalysis-process": api.post(f"{API}process_image", {"img_id": "c"}, format="json").json(),
    }
