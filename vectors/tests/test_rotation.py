"""The transformation itself: what it keeps, what it hides, and that it is the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vectors.rotation import Rotation
from vectors.stored import Rotated
from vision.distances import METRICS, row_distances

ONE, OTHER = bytes(range(32)), bytes(range(1, 33))
DIMENSIONS = (1, 2, 3, 5, 97, 128, 160, 512, 2622, 4096)


def faces(count: int, dimensions: int, length: float = 1.0) -> NDArray[np.float32]:
    vectors = np.random.default_rng(dimensions).normal(size=(count, dimensions))
    return (length * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("dimensions", DIMENSIONS)
def test_lengths_and_distances_stay_and_the_way_back_is_exact(dimensions: int) -> None:
    vectors, rotation = faces(40, dimensions), Rotation(ONE, "space", dimensions)
    rotated = rotation.apply(vectors)
    assert (rotated.shape, rotated.dtype) == (vectors.shape, np.float32)
    assert np.linalg.norm(rotated.astype(np.float64), axis=1) == pytest.approx(1, abs=1e-6)
    assert rotation.undo(rotated) == pytest.approx(vectors, abs=1e-6)
    assert rotation.apply(vectors[7]) == pytest.approx(rotated[7], abs=1e-6)
    for metric in METRICS:
        expected = row_distances(vectors[:20], vectors[20:], metric=metric)
        assert row_distances(rotated[:20], rotated[20:], metric=metric) == pytest.approx(expected, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dimensions", [128, 160, 512, 2622, 4096])
def test_in_half_precision_distances_stay_within_a_thousandth(dimensions: int, metric: str) -> None:
    vectors, rotation = faces(40, dimensions), Rotation(ONE, "space", dimensions)
    near = vectors + 0.4 * faces(80, dimensions)[40:]
    stored, probes = (
        np.stack([Rotated.of(vector).numbers for vector in rotation.apply(some)]) for some in (vectors, near)
    )
    expected = row_distances(vectors, near, metric=metric)
    assert row_distances(stored, probes, metric=metric) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    "other", [Rotation(OTHER, "space", 128), Rotation(ONE, "another space", 128)], ids=["client", "space"]
)
def test_a_face_at_two_clients_or_in_two_spaces_is_as_far_as_strangers_are(other: Rotation) -> None:
    """The cosine of two independent directions in 128 dimensions has a standard deviation of 0.088."""
    vectors = faces(500, 128)
    cosines = (Rotation(ONE, "space", 128).apply(vectors) * other.apply(vectors)).sum(axis=1)
    assert abs(cosines.mean()) < 0.05 and cosines.std() == pytest.approx(128**-0.5, rel=0.2)
    assert abs(cosines).max() < 0.5


def test_every_number_depends_on_all_numbers() -> None:
    rotated = Rotation(ONE, "space", 128).apply(np.eye(128, dtype=np.float32))
    assert abs(rotated).max() < 0.6 and np.median(abs(rotated)) > 0.04  # evenly spread, each would be 0.09


def test_zeros_stay_zeros() -> None:
    assert not Rotation(ONE, "space", 7).apply(np.zeros(7, np.float32)).any()


@pytest.mark.parametrize(
    ("dimensions", "expected"),
    [
        (5, [-0.139492, 3.733065, 6.202572, 1.399119, 0.784428]),
        (8, [2.431981, -0.917893, -2.431981, -10.758883, -3.510408, 6.289214, 3.560660, -3.319544]),
    ],
)
def test_a_rotation_is_the_same_everywhere_and_for_ever(dimensions: int, expected: list[float]) -> None:
    """In every process and with every version of NumPy: what is stored cannot be read by another one."""
    numbers = np.arange(1, dimensions + 1)
    assert Rotation(ONE, "a space", dimensions).apply(numbers) == pytest.approx(expected, abs=1e-5)
