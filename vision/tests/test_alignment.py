"""The chips: where reference points land, and what happens at the border."""

from __future__ import annotations

import numpy as np
import pytest

from vision.alignment import ARCFACE_POINTS, eye_levelled_chip, five_point_chip, similarity
from vision.types import Box, Landmarks


def turned(points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ rotation.T + shift).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 30, -75, 180])
def test_a_similarity_is_recovered_exactly(degrees: float) -> None:
    source = turned(ARCFACE_POINTS, degrees, 2.5, (300, -40))
    matrix = similarity(source, ARCFACE_POINTS)
    np.testing.assert_allclose(source @ matrix[:, :2].T + matrix[:, 2], ARCFACE_POINTS, atol=1e-3)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = ARCFACE_POINTS * np.array([-1, 1], np.float32)
    matrix = similarity(mirrored, ARCFACE_POINTS)
    assert np.linalg.det(matrix[:, :2]) >= 0


def test_coincident_points_give_no_infinities() -> None:
    assert np.isfinite(similarity(np.full((5, 2), 7, np.float32), ARCFACE_POINTS)).all()


def test_the_five_points_land_on_the_template() -> None:
    points = turned(ARCFACE_POINTS, 20, 3, (120, 60))
    image = np.zeros((600, 600, 3), np.uint8)
    for index, (x, y) in enumerate(points.round().astype(int)):
        image[y - 4 : y + 5, x - 4 : x + 5] = 50 + 40 * index
    chip = five_point_chip(image, points)
    assert chip.shape == (112, 112, 3)
    for index, (x, y) in enumerate(ARCFACE_POINTS.round().astype(int)):
        assert abs(int(chip[y, x, 0]) - (50 + 40 * index)) < 15


def test_eyes_become_level_and_the_box_fills_the_chip() -> None:
    image = np.full((400, 400, 3), 10, np.uint8)
    eyes = Landmarks(left_eye=(240.0, 200.0), right_eye=(180.0, 160.0))
    for x, y in (eyes.left_eye, eyes.right_eye):
        image[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6] = 250
    chip = eye_levelled_chip(image, Box(150, 130, 120, 120), eyes, (160, 160), 0.15)
    rows, columns = np.nonzero(chip[:, :, 0] > 130)
    left, right = rows[columns > columns.mean()], rows[columns < columns.mean()]
    assert abs(left.mean() - right.mean()) < 1.5


def test_a_face_at_the_border_is_filled_up_and_sizes_may_differ() -> None:
    image = np.full((100, 100, 3), 77, np.uint8)
    chip = eye_levelled_chip(image, Box(0, 0, 60, 70), Landmarks(), (47, 55), 0.2)
    assert chip.shape == (55, 47, 3) and (chip == 77).all()
