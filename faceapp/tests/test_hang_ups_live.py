"""Callers hang up while no worker works: what their calls hold is free soon, and what they stored goes on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests

from compat.nextcloud.tests.wire import images_in_flight
from faceapp.tests.live_stack import LiveStack, eventually
from recognition.tests.photographs import reduced

pytestmark = pytest.mark.models

SOON = 10.0  # seconds, a third of the time after which an image would be given up


class Caller:
    """A program that does not wait for answers."""

    def __init__(self, live: LiveStack) -> None:
        scopes = ["--scopes", "nextcloud", "detect", "blacklist:write", "screen"]
        key = live.manage("create_api_key", "hangs-up", *scopes).stdout.strip()
        self.live, self.headers = live, {"X-API-Key": key}

    @contextmanager
    def sending(self, path: str, field: str, photographs: list[bytes]) -> Iterator[str]:
        """The id of the request; at the end of the block the caller hangs up."""
        identity = f"hangs-up-{uuid.uuid4()}"
        files = [(field, ("a.jpg", data)) for data in photographs]
        headers = self.headers | {"X-Request-ID": identity}
        request = requests.Request("POST", self.live.url + path, headers, files, {"name": "Jane"}).prepare()
        with closing(HTTPConnection("127.0.0.1", self.live.port)) as connection:
            connection.request("POST", path, request.body, dict(request.headers))
            yield identity

    def lines(self, identity: str) -> list[dict[str, Any]]:
        """What the web server logs about a request."""
        return [json.loads(line) for line in self.live.logged("web") if identity in line]


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
    [("/detect", "file", 1), ("/api/v1/detect/detect-face", "image", 1), ("/api/v1/blacklist/", "images", 6)],
    ids=["Nextcloud", "one image", "several"],
)
@pytest.mark.usefixtures("suspended")
def test_images_go_with_their_caller(
    live: LiveStack, caller: Caller, photograph: bytes, path: str, field: str, images: int
) -> None:
    with caller.sending(path, field, [photograph] * images) as identity:
        assert eventually(lambda: images_in_flight(live) == min(images, 4)), caller.lines(identity)
    assert eventually(lambda: images_in_flight(live) == 0, SOON)
    assert eventually(lambda: bool(caller.lines(identity)), SOON)
    assert_given_up(caller.lines(identity))


def test_a_job_goes_on_without_its_caller(live: LiveStack, caller: Caller, photograph: bytes) -> None:
    def jobs() -> list[dict[str, Any]]:
        answer = requests.get(f"{live.url}/api/v1/jobs/", headers=caller.headers, timeout=60)
        return list(answer.json()["items"])

    with live.suspended_workers():
        with caller.sending("/api/v1/process/process-images", "images", [photograph] * 2) as identity:
            assert eventually(lambda: bool(jobs()))
        assert eventually(lambda: bool(caller.lines(identity)), SOON)
        assert_given_up(caller.lines(identity))
    assert eventually(lambda: [job["done"] for job in jobs()] == [2], 60)


def assert_given_up(lines: list[dict[str, Any]]) -> None:
    """In the access log, and nowhere as an error."""
    assert [line["status"] for line in lines if "status" in line] == [499]
    assert {line["level"] for line in lines} <= {"INFO", "WARNING"}
