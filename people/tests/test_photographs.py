"""Real weights on real photographs, through the API: every pair is decided rightly, on the promised scale."""

from __future__ import annotations

import base64
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from calibration.services import default_operating_point
from clients.models import Scope
from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import GROUPS, PORTRAITS
from vision.distances import distance
from vision.engines.onnx.engine import OnnxEngine

pytestmark = pytest.mark.models


class Gallery:
    """The people API of the running service, for a client of its own."""

    def __init__(self, live: LiveStack) -> None:
        self.url = f"{live.url}/api/v1"
        self.key = live.manage("create_api_key", "gallery", "--scopes", *Scope.values).stdout.strip()

    def post(self, path: str, photo: Path, **fields: Any) -> Any:
        body = {"image": base64.b64encode(photo.read_bytes()).decode()} | fields
        answer = requests.post(f"{self.url}{path}", json=body, headers={"X-API-Key": self.key}, timeout=120)
        assert answer.ok, (photo.name, answer.text)
        return answer.json()

    def embedding(self, person: int) -> np.ndarray:
        path = f"{self.url}/people/{person}/images?embeddings=true"
        [image] = requests.get(path, headers={"X-API-Key": self.key}, timeout=60).json()["items"]
        [vector] = image["embeddings"].values()
        return np.array(vector, np.float32)


@pytest.fixture(scope="module")
def gallery(live: LiveStack) -> Gallery:
    return Gallery(live)


@pytest.fixture(scope="module")
def enrolled(gallery: Gallery, faces: Path) -> list[tuple[str, np.ndarray]]:
    """(who, embedding) of every portrait; each has passed the standard gate as a person of its own."""
    found = []
    for who, names in PORTRAITS.items():
        for name in names:
            person = gallery.post("/people/", faces / name, external_id=name, source=who, quality_gate="standard")
            found.append((who, gallery.embedding(person["id"])))
    return found


def scores(enrolled: list[tuple[str, np.ndarray]], *, same: bool) -> np.ndarray:
    pairs = [(a, b) for (one, a), (two, b) in combinations(enrolled, 2) if (one == two) is same]
    point = default_operating_point(space=OnnxEngine().space)
    return np.array([point.similarity(distance(a, b, metric=point.metric)) for a, b in pairs])


@pytest.mark.usefixtures("real_faces")
def test_every_pair_is_decided_rightly_on_the_promised_scale(enrolled: list[tuple[str, np.ndarray]]) -> None:
    same, others = scores(enrolled, same=True), scores(enrolled, same=False)
    assert (same >= 0.7).all() and (others < 0.7).all()
    assert len(same) + len(others) == 120
    assert np.quantile(same, 0.1) > 0.8 and np.median(same) < 0.99
    assert 0.3 < np.median(others) < 0.4 and others.max() < 0.5


def test_search_and_verification_agree_with_who_is_there(
    gallery: Gallery, faces: Path, enrolled: list[tuple[str, np.ndarray]]
) -> None:
    for name, people in GROUPS.items():
        answer = gallery.post("/people/search", faces / name, limit=20)
        named = [
            {found["source"] for found in face["candidates"] if found["comparison"]["decision"] == "match"}
            for face in answer["faces"]
        ]
        assert all(len(sources) <= 1 for sources in named)
        assert set().union(*named) == people
    best = gallery.post("/people/search", faces / "rose_1.jpg", limit=1, sources=["rose"])["faces"][0]["candidates"][0]
    same = gallery.post(f"/people/{best['person_id']}/verify", faces / "rose_2.jpg")
    other = gallery.post(f"/people/{best['person_id']}/verify", faces / "kit_1.jpg")
    assert (same["decision"], other["decision"]) == ("match", "no_match")
    assert same["similarity"] > 0.75 and other["similarity"] < 0.5


def test_same_face_under_another_id_is_named(
    gallery: Gallery, faces: Path, enrolled: list[tuple[str, np.ndarray]]
) -> None:
    answer = gallery.post("/people/", faces / "obama_1.jpg", external_id="again", source="obama")
    duplicates = [found["external_id"] for found in answer["enrolment"]["duplicates"]]
    assert sorted(duplicates) == sorted(PORTRAITS["obama"])
