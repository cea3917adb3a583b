"""A session with the whole service: the challenge is random, the frames go through its workers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from faceapp.tests import missing
from faceapp.tests.live_stack import LiveStack
from liveness.tests.head import encoded, small

pytestmark = pytest.mark.models
PERSON = Path("labelled", "lfw", "people", "p022")  # photographed ahead (1, 2, 4) and turned (3)
FRAMES_ONLY = (
    "from clients.models import Client; Client.objects.filter(name='turning').update(liveness_policy='frames')"
)
MIRRORED = {"turn_left": "turn_right", "turn_right": "turn_left"}


def test_a_session_is_passed_once_and_only_with_the_face_of_its_image(live: LiveStack, faces: Path) -> None:
    folder = faces.parent / PERSON
    if not folder.is_dir():
        pytest.skip(f"{missing.DATA}: ../shared/labelled, photographs with labels")
    ahead, turned = [small(folder / f"{number}.jpg") for number in (1, 4, 2)], small(folder / "3.jpg")
    pictures = {"turn_left": [turned], "turn_right": [turned[:, ::-1]], "centre": ahead}

    def performance(actions: Sequence[str], *, seed: int) -> list[bytes]:
        """A look ahead, then the actions, with the noise of a camera: no two frames are the same still."""
        random = np.random.default_rng(seed)
        frames = []
        for number, action in enumerate(["centre", *actions]):
            image = pictures[action][number // 2 % len(pictures[action])]
            noisy = np.clip(image + random.normal(0, 2, image.shape), 0, 255)
            frames.append(encoded(noisy.astype(np.uint8)))
        return frames

    session = requests.Session()
    session.headers["X-API-Key"] = live.manage("create_api_key", "turning", "--scopes", "all").stdout.strip()
    frames_only = (
        "from clients.models import Client; Client.objects.filter(name='turning').update(liveness_policy='frames')"
    )
    live.manage("shell", "-c", frames_only)
    api = f"{live.url}/api/v1/liveness/sessions"

    def start() -> Any:
        return session.post(api, json={"purpose": "onboarding", "subject": "u1"}).json()

    def send(challenge: Any, frames: list[bytes], image: Any = ahead[0]) -> Any:
        files = [("frames", (f"{number}.jpg", data)) for number, data in enumerate(frames)]
        return session.post(
            f"{api}/{challenge['id']}/frames",
            data={"nonce": challenge["nonce"]},
            files=[*files, ("image", ("i.jpg", encoded(image)))],
            timeout=60,
        )

    first = start()
    frames = performance(first["actions"], seed=0)
    answer = send(first, frames)
    assert answer.status_code == 200 and answer.json()["token"], answer.text
    assert send(first, frames).json()["code"] == "liveness.used"
    second = start()
    assert send(second, frames).json()["code"] == "liveness.replayed"
    other_way = performance([MIRRORED.get(name, name) for name in second["actions"]], seed=1)
    assert send(second, other_way).json()["code"] in {"liveness.out_of_order", "liveness.incomplete"}
    stranger = small(faces / "rose_1.jpg")
    assert send(second, performance(second["actions"], seed=2), stranger).json()["code"] == "liveness.other_face"
    ended = session.get(f"{api}/{second['id']}").json()
    assert (ended["status"], ended["attempts_left"], ended["last_code"]) == ("failed", 0, "liveness.other_face")
