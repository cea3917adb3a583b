"""Distances between embeddings."""

from __future__ import annotations

import math

import numpy as np

from vision.engines.spaces import METRICS
from vision.similarity import distance


def test_distances_are_those_of_the_metrics() -> None:
    one, two = np.array([3, 0], np.float32), np.array([0, 4], np.float32)
    assert [round(distance(one, two, metric=m), 4) for m in METRICS] == [1.0, 5.0, 1.4142, 0.5]
    assert math.isnan(distance(one, 0 * one, metric="cosine")) and distance(one, 0 * one, metric="euclidean") == 3
