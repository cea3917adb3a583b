"""Every route against a running service with real weights and real faces, called as home automation does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import faceless, reduced, side_by_side

pytestmark = [pytest.mark.models, pytest.mark.timeout(240)]
SIDE = 480
MAKE_KEY = "from clients.services import create_api_key as k; print(k(client_name='cameras')[1])"


@pytest.fixture(scope="module")
def key(live: LiveStack) -> str:
    return live.manage("shell", "--no-imports", "-c", MAKE_KEY).stdout.strip()


def test_people_are_registered_recognised_compared_and_erased(live: LiveStack, key: str, faces: Path) -> None:
    def post(route: str, *images: bytes, **fields: str) -> Any:
        files = {f"image{number or ''}": ("image.jpg", data) for number, data in enumerate(images)}
        url = f"{live.url}/v1/vision/face{route}"
        return requests.post(url, files=files, data=fields | {"api_key": key}, timeout=60).json()

    obama, other_obama, rose, other_rose = (
        reduced(faces / f"{name}.jpg", SIDE) for name in ("obama_1", "obama_2", "rose_1", "rose_2")
    )
    both = side_by_side(faces / "obama_2.jpg", faces / "rose_2.jpg")
    assert post("/register", obama, userid="Barack")["message"] == "face added"
    assert post("/recognize", other_rose)["predictions"][0]["userid"] == "unknown"
    assert post("/register", rose, userid="Rose")["message"] == "face added"
    assert post("/list")["faces"] == ["Barack", "Rose"]

    left, right = sorted(post("/recognize", both)["predictions"], key=lambda face: face["x_min"])
    assert (left["userid"], right["userid"]) == ("Barack", "Rose")
    assert min(left["confidence"], right["confidence"]) > 0.5
    assert left["x_max"] <= right["x_min"] and left["y_min"] < left["y_max"]
    found = sorted(post("", both)["predictions"], key=lambda face: face["x_min"])
    assert [(face["x_min"], face["y_max"]) for face in found] == [
        (face["x_min"], face["y_max"]) for face in (left, right)
    ]

    assert post("/match", obama, other_obama)["similarity"] > 0.5 > post("/match", obama, rose)["similarity"]
    assert post("/recognize", faceless())["predictions"] == []
    assert post("/delete", userid="Rose")["success"] is True
    assert post("/recognize", other_rose)["predictions"][0]["userid"] == "unknown"
    assert post("/list")["faces"] == ["Barack"]
