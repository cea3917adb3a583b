"""The one scale of the service: a distance of any space as a similarity in [0, 1]. Pure numpy and arithmetic.

A distance means nothing without its model and metric. What it says is how it lies to the space's threshold, so the
scale hangs on the calibration: distance 0 is 1.0, the threshold is always 0.7, and infinitely far is 0.

Metrics differ in how they grow. Euclidean distances (of raw or of unit vectors) and the angle grow evenly with the way
between two faces; the cosine distance grows with its square (1 - cos = |a - b|² / 2 for unit vectors) and is taken by
its root. The quotient `r` of distance and threshold is then comparable across metrics.

- Up to the threshold the similarity falls evenly from 1.0 to 0.7. Two photographs of one person lie at r = 0.4 to 0.85
  for a threshold that accepts nearly all of them, which gives 0.75 to 0.9.
- Beyond it the similarity is 0.7 · exp(-FALL · (r - 1)). FALL is chosen so that two strangers of model Dlib, euclidean
  at 0.6, typically get 0.5: the median distance of strangers in our photographs is 0.85 (docs/people.md).
"""

from __future__ import annotations

import math

AT_THRESHOLD = 0.7
FALL = 0.8
SQUARED = {"cosine"}  # metrics that grow with the square of the way


def similarity(*, distance: float, metric: str, threshold: float) -> float:
    """How alike two faces are, 0 to 1; falls as the distance grows. What is no number (a vector of zeros) gives 0.

    `threshold` is the largest distance, in the same metric, that counts as the same person; it must be above 0.
    """
    if math.isnan(distance):
        return 0.0
    relative = _root(max(distance, 0.0) / threshold, metric)
    if relative <= 1:
        return 1.0 - (1.0 - AT_THRESHOLD) * relative
    return AT_THRESHOLD * math.exp(-FALL * (relative - 1))


def distance_of(*, similarity: float, metric: str, threshold: float) -> float:
    """The inverse of `similarity`: the distance that has this similarity; infinite for 0 and below."""
    if similarity <= 0:
        return math.inf
    if similarity >= AT_THRESHOLD:
        relative = (1.0 - min(similarity, 1.0)) / (1.0 - AT_THRESHOLD)
    else:
        relative = 1.0 - math.log(similarity / AT_THRESHOLD) / FALL
    return threshold * (relative**2 if metric in SQUARED else relative)


def _root(relative: float, metric: str) -> float:
    return math.sqrt(relative) if metric in SQUARED else relative
