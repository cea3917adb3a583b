"""The engine with mmod and Dlib on real photographs, made once for all tests that ask."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest
from django.conf import settings

from vision.engines import weights
from vision.engines.deepface import DeepFaceEngine
from vision.tests.shared_weights import put_in_place
from vision.types import Detection, Image

WEIGHTS = settings.BASE_DIR.parent / "shared" / "weights"
PHOTOGRAPHS = WEIGHTS.parent / "faces"  # the real ones; a clone without them has stand-ins
Detected = Callable[[Image], list[Detection]]
# how many faces the engines find on each test photograph
COUNTS = {
    "alex_1.jpg": 1,
    "alex_2.jpg": 1,
    "alex_3.png": 1,
    "biden_1.jpg": 1,
    "biden_2.jpg": 1,
    "kit_1.jpg": 1,
    "kit_and_rose.jpg": 2,
    "lin_1.png": 1,
    "obama_1.jpg": 1,
    "obama_1080p.jpg": 1,
    "obama_2.jpg": 1,
    "obama_240p.jpg": 1,
    "obama_2_rgba.png": 1,
    "obama_3.jpg": 1,
    "obama_4.jpg": 1,
    "obama_and_biden.jpg": 3,
    "obama_and_biden_2.jpg": 2,
    "obama_partial.jpg": 1,
    "rose_1.jpg": 1,
    "rose_2.jpg": 1,
    "spoof/real_1.jpg": 1,
    "spoof/fake_1.jpg": 1,
    "spoof/fake_2.jpg": 1,
}


@pytest.fixture(scope="session")
def engine() -> DeepFaceEngine:
    """The engine with mmod and Dlib, its weights and those of liveness in place."""
    engine = DeepFaceEngine()
    put_in_place([*engine.files(), weights.FR_LIVENESS])
    engine.load()
    return engine


@pytest.fixture(scope="session")
def detected(engine: DeepFaceEngine) -> Detected:
    """What `engine` finds on an image with its own detector and the settings as they are, once for equal images."""
    known: dict[bytes, list[Detection]] = {}

    def detect(image: Image) -> list[Detection]:
        key = sha256(image.tobytes() + bytes(str(image.shape), "ascii")).digest()
        return known[key] if key in known else known.setdefault(key, engine.detect(image))

    return detect
