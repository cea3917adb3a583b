"""The similarity scale: monotone, 1 for the same vector, 0.7 at the threshold."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from calibration.similarity import AT_THRESHOLD, similarity
from vision.distances import METRICS, distance
from vision.engines.spaces import MODELS, space_of


@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.parametrize("metric", METRICS)
def test_scale_of_every_space(model: str, metric: str) -> None:
    threshold = space_of(model).thresholds[metric]
    distances = np.linspace(0, 3 * threshold, 301)
    scores = [similarity(distance=value, metric=metric, threshold=threshold) for value in distances]
    assert scores[0] == 1.0
    assert similarity(distance=threshold, metric=metric, threshold=threshold) == pytest.approx(AT_THRESHOLD) == 0.7
    assert all(a > b for a, b in itertools.pairwise(scores)) and min(scores) > 0


def test_ends_of_the_scale() -> None:
    assert similarity(distance=math.inf, metric="cosine", threshold=0.1) == 0
    assert similarity(distance=math.nan, metric="cosine", threshold=0.1) == 0
    assert similarity(distance=-1e-9, metric="cosine", threshold=0.1) == 1


def test_metrics_agree_where_the_vectors_have_one_length() -> None:
    """The same pair, near its threshold in each metric, has about the same similarity."""
    angle = 0.3
    one, two = np.array([1, 0], np.float32), np.array([math.cos(angle), math.sin(angle)], np.float32)
    edge = 0.4
    far = np.array([math.cos(edge), math.sin(edge)], np.float32)
    scores = [
        similarity(distance=distance(one, two, metric=m), metric=m, threshold=distance(one, far, metric=m))
        for m in METRICS
    ]
    assert max(scores) - min(scores) < 0.001
