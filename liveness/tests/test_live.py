"""A session with the whole service: the challenge is random, the frames go through its workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from faceapp.tests.live_stack import LiveStack
from liveness.tests.head import encoded, performance, small
from vision.types import Landmarks

pytestmark = pytest.mark.models


@pytest.mark.usefixtures("real_faces")  # limits are for heads of photographs
def test_a_session_is_passed_once_and_only_with_the_face_of_its_image(live: LiveStack, faces: Path) -> None:
    session = requests.Session()
    session.headers["X-API-Key"] = live.api_key
    api = f"{live.url}/api/v1"
    alex, rose = (small(faces / name) for name in ("alex_1.jpg", "rose_1.jpg"))

    def points(image: Any) -> Landmarks:
        answer = session.post(f"{api}/detect/detect-face", files={"image": ("a.jpg", encoded(image))}).json()
        return Landmarks(**{name: answer[0]["facial_area"][name] for name in ("left_eye", "right_eye", "nose")})

    def start() -> Any:
        return session.post(f"{api}/liveness/sessions", json={"purpose": "onboarding", "subject": "u1"}).json()

    def send(challenge: Any, frames: list[bytes], image: Any) -> Any:
        files = [("frames", (f"{number}.jpg", data)) for number, data in enumerate(frames)]
        url = f"{api}/liveness/sessions/{challenge['id']}/frames"
        return session.post(
            url, data={"nonce": challenge["nonce"]}, files=[*files, ("image", ("i.jpg", encoded(image)))], timeout=60
        )

    first, where = start(), points(alex)
    frames = performance(alex, where, first["actions"])
    answer = send(first, frames, alex)
    assert answer.status_code == 200 and answer.json()["token"], answer.text
    assert send(first, frames, alex).json()["code"] == "liveness.used"
    second = start()
    assert send(second, frames, alex).json()["code"] == "liveness.replayed"
    other_way = [{"turn_left": "turn_right", "turn_right": "turn_left"}.get(name, name) for name in second["actions"]]
    mirrored = performance(alex, where, other_way, seed=50)
    assert send(second, mirrored, alex).json()["code"] in {"liveness.out_of_order", "liveness.incomplete"}
    assert (
        send(second, performance(rose, points(rose), second["actions"]), alex).json()["code"] == "liveness.other_face"
    )
    third = session.get(f"{api}/liveness/sessions/{second['id']}").json()
    assert (third["status"], third["attempts_left"], third["last_code"]) == ("failed", 0, "liveness.other_face")
