"""The similarity scale: a distance in any metric as a number from 0 to 1. Pure arithmetic.

A distance means nothing without its model and metric; what counts is how it compares with the threshold. So the scale
hangs on the threshold: distance 0 is 1.0, the threshold is always 0.7, and an infinite distance is 0.

Metrics grow differently. Euclidean distances (between raw or unit vectors) and the angle grow linearly as two faces
move apart; the cosine distance grows with the square (1 - cos = |a - b|² / 2 for unit vectors), so its root is taken.
The ratio `r` of distance and threshold is then comparable across metrics.

- Up to the threshold, the similarity falls linearly from 1.0 to 0.7. Two photographs of one person lie at r = 0.4 to
  0.85 for a threshold that accepts nearly all of them, which gives 0.75 to 0.9.
- Beyond it, the similarity is 0.7 · exp(-DECAY · (r - 1)). DECAY is chosen so that two strangers in the Dlib space,
  euclidean at 0.6, typically get 0.5: the median distance of strangers in our photographs is 0.85 (docs/people.md).
"""

from __future__ import annotations

import math

AT_THRESHOLD = 0.7
DECAY = 0.8
QUADRATIC = {"cosine"}  # metrics that grow with the square of the linear ones


def similarity(*, distance: float, metric: str, threshold: float) -> float:
    """How similar two faces are, 0 to 1; falls as the distance grows. NaN, the distance of a zero vector, gives 0.

    `threshold` is the largest distance, in the same metric, that counts as the same person; it must be above 0.
    """
    if math.isnan(distance):
        return 0.0
    ratio = max(distance, 0.0) / threshold
    if metric in QUADRATIC:
        ratio = math.sqrt(ratio)
    if ratio <= 1:
        return 1.0 - (1.0 - AT_THRESHOLD) * ratio
    return AT_THRESHOLD * math.exp(-DECAY * (ratio - 1))
