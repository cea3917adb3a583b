"""What `faceapp.tests.test_isolation` asks of this dialect."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from vision.tests.drawing import RED, data_url, picture

OPEN = {
    "ekyc-check-2-face", "ekyc-register-face", "ekyc-face-detect", "ekyc-face-live", "ekyc-face-compare",
    "ekyc-anti-spoof",
}  # fmt: skip  # name no stored object, or make the caller's own
NOBODY = {"status": "PEOPLE_NOT_FOUND_ERROR"}
SEARCHED = {"data": [{"image_id": "1", "match_faces": [], "message": ""}]}
NOTHING: dict[str, dict[str, Any]] = {
    "ekyc-face-otp": NOBODY,
    "ekyc-search": {"data": []},
    "ekyc-search-v2": SEARCHED,
    "ekyc-search-v3": SEARCHED,
    "ekyc-remove": NOBODY,
    "ekyc-delete": NOBODY,
}
IMAGE = data_url(picture(RED))


def caller(client: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client.name)[1]})


def store(client: Client) -> None:
    new = {"people_id": "u1", "created_at": "1", "image": IMAGE, "is_live_check": False}
    assert caller(client).post("/register-face", new, format="json").status_code == 200


def ask(client: Client) -> dict[str, dict[str, Any]]:
    batch = {"images": [{"image_id": "1", "image": IMAGE}]}
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "ekyc-face-otp": ("/face-otp", {"people_1": {"id": "u1"}, "people_2": IMAGE, "is_live_check": False}),
        "ekyc-search": ("/search", {"image": IMAGE}),
        "ekyc-search-v2": ("/api/v2/search", batch),
        "ekyc-search-v3": ("/api/v3/search", batch),
        "ekyc-remove": ("/remove", {"people_id": "u1"}),
    }
    answers = {name: caller(client).post(path, body, format="json").json() for name, (path, body) in calls.items()}
    if answers["ekyc-remove"]["status"] == "SUCCESS":
        store(client)  # it has been erased
    return answers | {"ekyc-delete": caller(client).post("/api/v1/delete", {"people_id": "u1"}, format="json").json()}
