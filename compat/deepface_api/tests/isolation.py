"""What `faceapp.tests.test_isolation` asks of this dialect."""

from __future__ import annotations

from typing import Any

from clients.models import Client
from compat.deepface_api.tests.conftest import bearer
from people.services import enrol_face
from people.types import EnrolmentRules, Gate, Whom
from vision.tests.drawing import RED, data_url, picture
from vision.types import Upload

OPEN = {
    "deepface_api-welcome", "deepface_api-represent", "deepface_api-verify", "deepface_api-analyze",
    "deepface_api-register", "deepface_api-build-index",
}  # fmt: skip  # name no stored object, or make the caller's own
NOTHING: dict[str, dict[str, Any]] = {"deepface_api-search": {"code": "deepface_api.nothing_registered"}}


def store(client: Client) -> None:
    rules = EnrolmentRules(gate=Gate.OFF)
    enrol_face(client=client, upload=Upload(picture(RED)), whom=Whom(external_id="red"), rules=rules)


def ask(client: Client) -> dict[str, dict[str, Any]]:
    body = {"img": data_url(picture(RED))}
    return {"deepface_api-search": bearer(client).post("/search", body, format="json").json()}
