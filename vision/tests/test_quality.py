"""Quality measures on drawn faces."""

from __future__ import annotations

import numpy as np
import pytest

from vision.quality import assess
from vision.types import Box, Detection, Landmarks

BOX = Box(10, 20, 60, 80)


def face(**points: tuple[float, float]) -> Detection:
    return Detection(BOX, 0.9, Landmarks(**points))


def test_sharp_chips_score_higher_than_blurred_ones() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    flat = np.full_like(noise, 120)
    assert assess(face(), noise).sharpness > 1000 > assess(face(), flat).sharpness == 0
    assert assess(face(), flat).brightness == 120


def test_size_is_the_shorter_side() -> None:
    assert assess(face(), np.zeros((8, 8, 3), np.uint8)).size == 60


def test_empty_and_tiny_chips_are_measured_as_nothing() -> None:
    for shape in ((0, 0, 3), (1, 1, 3), (2, 50, 3)):
        quality = assess(face(), np.zeros(shape, np.uint8))
        assert quality.sharpness == 0 and quality.brightness == 0


def test_a_frontal_upright_face_has_neither_yaw_nor_roll() -> None:
    quality = assess(
        face(left_eye=(50.0, 40.0), right_eye=(30.0, 40.0), nose=(40.0, 55.0)), np.zeros((8, 8, 3), np.uint8)
    )
    assert quality.yaw == 0 and quality.roll == 0


def test_yaw_follows_the_nose_and_roll_the_eyes() -> None:
    chip = np.zeros((8, 8, 3), np.uint8)
    assert assess(face(left_eye=(50.0, 40.0), right_eye=(30.0, 40.0), nose=(48.0, 55.0)), chip).yaw == 0.8
    assert assess(face(left_eye=(50.0, 60.0), right_eye=(30.0, 40.0), nose=(40.0, 70.0)), chip).roll == 45


def test_missing_points_give_no_angles() -> None:
    quality = assess(face(left_eye=(50.0, 40.0)), np.zeros((8, 8, 3), np.uint8))
    assert quality.yaw is None and quality.roll is None


@pytest.mark.parametrize(
    ("recognisability", "box", "reason"),
    [
        (0.5, Box(0, 0, 60, 80), None),
        (0.01, Box(0, 10, 60, 80), "cut"),
        (0.01, Box(10, 10, 30, 30), "small"),
        (0.01, Box(10, 10, 60, 80), "unclear"),
        (None, Box(10, 10, 60, 80), None),
        (None, Box(10, 10, 30, 30), "small"),
    ],
)
def test_the_reason_of_a_low_recognisability(recognisability: float | None, box: Box, reason: str | None) -> None:
    chip = np.random.default_rng(1).integers(60, 200, (64, 64, 3)).astype(np.uint8)
    quality = assess(Detection(box, 0.9), chip, recognisability=recognisability, size=(200, 200))
    assert (quality.recognisability, quality.recognisability_reason) == (recognisability, reason)


def test_roll_is_measured_in_the_upright_photograph() -> None:
    points = Landmarks(left_eye=(50.0, 20.0), right_eye=(50.0, 60.0))  # the line rises to the left eye: -90 degrees
    chip = np.zeros((8, 8, 3), np.uint8)
    assert assess(Detection(BOX, 0.9, points), chip).roll == -90
    assert assess(Detection(BOX, 0.9, points, turn=90), chip).roll == 0
