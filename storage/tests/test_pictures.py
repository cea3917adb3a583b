"""What the admin says about a face in words agrees with what the quality gate refuses."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from people.exceptions import PoorQuality
from people.quality_gate import require_quality
from people.types import Gate
from storage.pictures import quality_words
from vision.types import Box, DetectedFace, Landmarks, Quality

GOOD = Quality(size=200, sharpness=300.0, brightness=120.0, yaw=0.0, roll=0.0)


def passes(quality: Quality, gate: Gate) -> bool:
    face = DetectedFace(Box(0, 0, 200, 200), confidence=1.0, landmarks=Landmarks(), quality=quality, embeddings={})
    try:
        require_quality(face=face, gate=gate)
    except PoorQuality:
        return False
    return True


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("size", (1, 39, 40, 79, 80, 500)),
        ("sharpness", (0.0, 4.9, 5.0, 29.0, 59.9, 60.0, 99.0, 1000.0)),
        ("brightness", (0.0, 19.9, 20.0, 49.9, 50.0, 200.0, 200.1, 225.0, 225.1, 255.0)),
    ],
)
def test_words_agree_with_the_quality_gate(part: str, values: tuple[float, ...]) -> None:
    place = ["size", "sharpness", "brightness"].index(part)
    harshest = {"too small", "blurred", "too dark", "too bright"}
    for value in values:
        quality = replace(GOOD, **{part: value})
        word, good = quality_words(asdict(quality))[place]
        assert good == passes(quality, Gate.STRICT), (part, value)
        assert (word.partition(" (")[0] in harshest) == (not passes(quality, Gate.STANDARD)), (part, value)


def test_nothing_is_said_without_figures() -> None:
    nothing: dict[str, Any] = {}
    assert quality_words(nothing) == []
