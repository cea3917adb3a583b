"""Real faces and real weights: what a program of DeepFace's API sees (DA-20 to DA-28, DA-44)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import requests

from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import faceless, reduced, side_by_side

pytestmark = [pytest.mark.models, pytest.mark.timeout(180)]
SIDE = 420  # pixels
MAKE_KEY = (
    "import uuid; from clients.services import create_api_key as k; from clients.scopes import expand; "
    "print(k(client_name='df-' + uuid.uuid4().hex, scopes=expand(['all', 'embeddings']))[1])"
)


class Program:
    """A caller with a token of its own."""

    def __init__(self, live: LiveStack) -> None:
        self.url = live.url
        self.headers = {
            "Authorization": f"Bearer {live.manage('shell', '--no-imports', '-c', MAKE_KEY).stdout.strip()}"
        }

    def send(self, path: str, **body: Any) -> requests.Response:
        return requests.post(f"{self.url}/{path}", json=body, headers=self.headers, timeout=120)

    def ok(self, path: str, **body: Any) -> Any:
        response = self.send(path, **body)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="module")
def program(live: LiveStack) -> Program:
    return Program(live)


@pytest.fixture(scope="module")
def photos(faces: Path) -> dict[str, str]:
    """As data URLs: three of Obama, one of Rose, two people, nobody."""
    names = {"o1": "obama_1.jpg", "o2": "obama_2.jpg", "o3": "obama_3.jpg", "r": "rose_2.jpg"}
    data = {name: reduced(faces / file, SIDE) for name, file in names.items()}
    data |= {"both": side_by_side(faces / "rose_1.jpg", faces / "obama_4.jpg", height=300), "none": faceless()}
    return {name: "data:image/jpeg;base64," + base64.b64encode(one).decode() for name, one in data.items()}


def test_da_20_and_21_represent(program: Program, photos: dict[str, str]) -> None:
    body = program.ok("represent", img=photos["both"], max_faces=1)
    [face] = body["results"]
    area = face["facial_area"]
    assert body["model_name"] == "pair128" and len(face["embedding"]) == 128 and 0 < face["face_confidence"] <= 1
    assert area["left_eye"][0] > area["right_eye"][0] and all(isinstance(side, int) for side in area["left_eye"])
    assert len(program.ok("represent", img=photos["both"])["results"]) == 2
    [whole] = program.ok("represent", img=photos["none"], enforce_detection=False)["results"]
    assert whole["face_confidence"] == 0.0 and whole["facial_area"]["w"] == 639 and len(whole["embedding"]) == 128
    [cut] = program.ok("represent", img=photos["o1"], detector_backend="skip")["results"]
    assert cut["face_confidence"] == 0.0


def test_da_22_and_23_verify(program: Program, photos: dict[str, str]) -> None:
    same = program.ok("verify", img1=photos["o1"], img2=photos["both"])
    assert same["verified"] is True and same["distance"] <= same["threshold"] and same["confidence"] >= 50
    other = program.ok("verify", img1=photos["o1"], img2=photos["r"], model_name="VGG-Face", detector_backend="opencv")
    assert other["verified"] is False and other["distance"] > other["threshold"] and other["confidence"] < 50
    assert (other["model"], other["detector_backend"]) == ("pair128", "opencv")
    for metric in ("euclidean", "euclidean_l2", "angular"):
        body = program.ok("verify", img1=photos["o1"], img2=photos["o2"], distance_metric=metric)
        assert body["verified"] is True and body["similarity_metric"] == metric
    nobody = program.ok("verify", img1=photos["none"], img2=photos["none"], enforce_detection=False)
    assert nobody["verified"] is False and nobody["confidence"] < 50


def test_da_25_to_27_register_and_search(program: Program, photos: dict[str, str]) -> None:
    before = program.send("search", img=photos["o1"])
    assert before.status_code == 400 and before.json()["error"].startswith("Exception while searching")
    for inserted in (1, 0):
        assert program.ok("register", img=photos["o1"], img_name="obama") == {"inserted": inserted}
        assert program.ok("register", img=photos["r"], img_name="rose") == {"inserted": inserted}
    assert program.ok("build/index") == {"message": "Index built successfully"}
    results = program.ok("search", img=photos["both"])["results"]
    assert [[hit["img_name"] for hit in hits] for hits in results] == [["rose"], ["obama"]]
    [[hit]] = program.ok("search", img=photos["o3"])["results"]
    assert hit["img_name"] == "obama" and hit["distance"] <= hit["threshold"] and hit["confidence"] >= 50
    [hits] = program.ok("search", img=photos["o3"], similarity_search=True)["results"]
    assert [one["img_name"] for one in hits] == ["obama", "rose"] and hits[1]["confidence"] < 50


def test_da_44_no_face(program: Program, photos: dict[str, str]) -> None:
    for path in ("represent", "verify", "register", "search"):
        answer = program.send(path, img=photos["none"], img1=photos["none"], img2=photos["o1"])
        assert answer.status_code == 400 and "Face could not be detected" in answer.json()["error"], path
