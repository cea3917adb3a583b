"""The similarity scale: monotone, invertible, and a tenth for each factor of ten of the false match rate."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from calibration.similarity import ONE_TO_ONE, RateScale, Scale, ThresholdScale
from calibration.tables import RateTable, table_of
from calibration.tests.measured import ROWS
from vision.distances import METRICS, distance
from vision.engines.spaces import MODELS, NATIVE, space_of

MEASURED = RateScale(RateTable(tuple(row[0] for row in ROWS), tuple(row[1] for row in ROWS)))
PUBLISHED = [
    ThresholdScale(metric, space_of(model).thresholds[metric]) for model in MODELS for metric in METRICS
]  # fmt: skip


@pytest.mark.parametrize(
    ("distance", "similarity"),
    [(0.0, 1.0), (0.05, 0.95), (0.1, 0.9), (0.15, 0.8), (0.2, 0.7), (0.25, 0.6), (0.275, 0.55), (0.3, 0.5), (0.35, 0.4),
     (1.175, 0.2), (2.0, 0.0)],
)  # fmt: skip
def test_a_similarity_means_a_rate(distance: float, similarity: float) -> None:
    assert MEASURED.similarity(distance) == pytest.approx(similarity)
    assert MEASURED.distance(similarity) == pytest.approx(distance)


def test_rates_of_strangers_are_those_that_were_measured_or_a_bound() -> None:
    assert MEASURED.stranger_rate(0.3) == (pytest.approx(0.01), True)
    (first, rate, *_), smallest = ROWS[0], MEASURED.table.rates[0]
    assert rate == smallest
    assert MEASURED.stranger_rate(first / 2) == MEASURED.stranger_rate(0.0) == (smallest, False)
    assert MEASURED.stranger_rate(math.nan) is None
    assert all(scale.stranger_rate(0.1) is None for scale in PUBLISHED)


def test_ends_of_the_scale() -> None:
    for scale in (MEASURED, *PUBLISHED):
        assert scale.similarity(math.inf) == scale.similarity(math.nan) == 0
        assert scale.similarity(-1e-9) == scale.similarity(0.0) == 1


@pytest.mark.parametrize("model", [*NATIVE, "Dlib"])
@pytest.mark.parametrize("metric", METRICS)
def test_measured_spaces(model: str, metric: str) -> None:
    table = table_of(space_of(model), metric)
    assert table is not None
    scale = RateScale(table)
    check(scale, np.linspace(0, table.largest, 1001))
    assert scale.similarity(table.largest) == 0
    for similarity in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        assert table.rate(scale.distance(similarity)) == pytest.approx(10 ** (3 - 10 * similarity))


@pytest.mark.parametrize("scale", PUBLISHED, ids=str)
def test_spaces_of_which_only_a_threshold_is_known(scale: ThresholdScale) -> None:
    assert scale.similarity(scale.threshold) == pytest.approx(ONE_TO_ONE) == 0.7
    check(scale, np.linspace(0, 3 * scale.threshold, 301))


def check(scale: Scale, distances: np.ndarray) -> None:
    scores = [scale.similarity(distance) for distance in distances]
    assert all(a > b for a, b in itertools.pairwise(scores))
    assert [scale.distance(score) for score in scores[:-1]] == pytest.approx(distances[:-1], abs=1e-9)


def test_metrics_agree_where_the_vectors_have_one_length() -> None:
    """The same pair has the same similarity in every metric."""
    one, two = np.array([1, 0], np.float32), np.array([math.cos(1.1), math.sin(1.1)], np.float32)
    space = space_of("pair128")
    tables = {metric: table_of(space, metric) for metric in METRICS}
    scores = [RateScale(table).similarity(distance(one, two, metric=m)) for m, table in tables.items() if table]
    assert len(scores) == len(METRICS) and max(scores) - min(scores) < 0.005
