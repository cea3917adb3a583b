"""The similarity of dialects whose callers have thresholds of their own."""

from __future__ import annotations

import pytest

from calibration.types import OperatingPoint
from compat.similarity import decided_similarity


def similarity(distance: float, threshold: float = 0.5) -> float:
    [compared] = OperatingPoint("euclidean", threshold).compare([distance])
    return decided_similarity(compared)


def test_half_is_where_it_is_decided() -> None:
    assert similarity(0.5) == 0.5
    assert similarity(0.5001) < 0.5


@pytest.mark.parametrize(
    ("ours", "theirs"), [(1.0, 0.9971), (0.9, 0.98), (0.8, 0.875), (0.7, 0.5), (0.6, 0.125), (0.5, 0.02), (0.0, 0.0)]
)
def test_it_is_as_steep_as_theirs(ours: float, theirs: float) -> None:
    point = OperatingPoint("euclidean", 0.5)
    scale = point.similarity  # without a measured table 0.7 is at the threshold
    distance = 0.5 * (1 - ours) / 0.3 if ours >= 0.7 else _beyond(ours)
    assert scale(distance) == pytest.approx(ours, abs=1e-6)
    assert similarity(distance) == pytest.approx(theirs, abs=1e-3)


def _beyond(ours: float) -> float:
    import math

    return 0.5 * (1 - math.log(max(ours, 1e-9) / 0.7) / 0.8)


def test_the_more_similar_face_never_has_the_lower_number() -> None:
    found = [similarity(step / 100) for step in range(200)]
    assert found == sorted(found, reverse=True)
    assert all(0 <= one <= 1 for one in found)


def test_a_stricter_point_keeps_the_same_photograph_at_the_top() -> None:
    strict = OperatingPoint("euclidean", 0.2, OperatingPoint("euclidean", 0.5).scale)
    assert decided_similarity(strict.compare([0.0])[0]) > 0.99
    assert decided_similarity(strict.compare([0.2001])[0]) < 0.5
