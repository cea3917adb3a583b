"""Callers hang up while no worker works: what their calls hold is free soon, and what they stored goes on."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from compat.nextcloud.tests.wire import images_in_flight
from faceapp.tests.live_stack import LiveStack, eventually
from recognition.tests.photographs import reduced

pytestmark = pytest.mark.models

SOON = 3.0  # seconds


class Caller:
    """A program that hangs up two seconds after it has sent something."""

    def __init__(self, live: LiveStack) -> None:
        scopes = ["--scope=nextcloud", "--scope=detect", "--scope=people:search", "--scope=screen"]
        key = live.manage("create_api_key", "hangs-up", *scopes).stdout.strip()
        self.live, self.headers = live, {"X-API-Key": key}

    def send(self, path: str, field: str, photographs: list[bytes]) -> str:
        """The id of the request."""
        identity = f"hangs-up-{uuid.uuid4()}"
        files = [(name, ("a.jpg", data)) for name, data in zip([field, *["images"] * 9], photographs, strict=False)]
        headers = self.headers | {"X-Request-ID": identity}
        with pytest.raises(requests.ReadTimeout):
            requests.post(self.live.url + path, files=files, headers=headers, timeout=(10, 2))
        return identity

    def lines(self, identity: str) -> list[dict[str, Any]]:
        """What the web server logs about a request."""
        text = (self.live.var / "log" / "web.log").read_text()
        return [json.loads(line) for line in text.splitlines() if identity in line]


@pytest.fixture(scope="module")
def caller(live: LiveStack) -> Caller:
    return Caller(live)


@pytest.fixture
def photograph(faces: Path) -> bytes:
    return reduced(faces / "obama_1.jpg")


@pytest.fixture
def suspended(live: LiveStack) -> Iterator[None]:
    with live.suspended_workers():
        yield


@pytest.mark.parametrize(
    ("path", "field", "images"),
    [("/detect", "file", 1), ("/api/v1/detect/detect-face", "image", 1), ("/api/v1/people/search/", "images", 6)],
    ids=["Nextcloud", "one image", "several"],
)
@pytest.mark.usefixtures("suspended")
def test_images_go_with_their_caller(
    live: LiveStack, caller: Caller, photograph: bytes, path: str, field: str, images: int
) -> None:
    seen: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.append(images_in_flight(live))

    looking = threading.Thread(target=look)
    looking.start()
    identity = caller.send(path, field, [photograph] * images)
    over.set()
    looking.join()
    assert max(seen) == min(images, 4)
    assert eventually(lambda: images_in_flight(live) == 0, SOON)
    assert eventually(lambda: bool(caller.lines(identity)), SOON)
    assert_given_up(caller.lines(identity))


def test_a_job_goes_on_without_its_caller(live: LiveStack, caller: Caller, photograph: bytes) -> None:
    with live.suspended_workers():
        identity = caller.send("/api/v1/process/process-images", "images", [photograph] * 2)
        assert eventually(lambda: bool(caller.lines(identity)), SOON)
        assert_given_up(caller.lines(identity))

    def statuses() -> list[str]:
        images = requests.get(f"{live.url}/api/v1/processed-images/", headers=caller.headers, timeout=30).json()
        return [image["status"] for image in images["items"]]

    assert len(statuses()) == 2
    assert eventually(lambda: set(statuses()) == {"done"}, 60)


def assert_given_up(lines: list[dict[str, Any]]) -> None:
    """In the access log, and nowhere as an error."""
    assert [line["status"] for line in lines if "status" in line] == [499]
    assert {line["level"] for line in lines} <= {"INFO", "WARNING"}
