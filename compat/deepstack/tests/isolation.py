"""What `faceapp.tests.test_isolation` asks of this dialect: who is known, and who is on an image."""

from __future__ import annotations

from typing import Any

from clients.models import Client
from compat.deepstack.tests.wire import Camera
from vision.tests.drawing import RED, picture

# These find no stored object, or make and erase what is the caller's own; `test_contract` erases another's in vain.
OPEN = {f"deepstack-{name}" for name in ("detect", "register", "delete", "match")}
NOTHING: dict[str, dict[str, Any]] = {"deepstack-recognise": {"userids": ["unknown"]}, "deepstack-list": {"faces": []}}


def store(client: Client) -> None:
    assert Camera.of(client).register("Red", picture(RED))["success"] is True


def ask(client: Client) -> dict[str, dict[str, Any]]:
    camera = Camera.of(client)
    found = camera.post("recognize", picture(RED))
    userids = {"userids": [face["userid"] for face in found.get("predictions", [])]}
    return {"deepstack-recognise": found | userids, "deepstack-list": camera.post("list")}


def compare(client: Client) -> dict[str, dict[str, Any]]:
    """Calls that need no stored object and compare faces all the same."""
    return {"deepstack-match": Camera.of(client).post("match", picture(RED), picture(RED))}
