"""Our similarity, 0 to 1, as Rekognition's, 0 to 100, and back. Published in docs/rekognition.md.

0.7, the one-to-one point, is 80, Rekognition's default threshold; above it the scale is linear up to 100, below it
quadratic down to 0, where Rekognition shows strangers too.
"""

from __future__ import annotations

import math

POINT, AWS_POINT = 0.7, 80.0


def to_aws(similarity: float) -> float:
    if similarity >= POINT:
        return AWS_POINT + (100.0 - AWS_POINT) * (min(similarity, 1.0) - POINT) / (1.0 - POINT)
    return AWS_POINT * (max(similarity, 0.0) / POINT) ** 2


def from_aws(score: float) -> float:
    if score >= AWS_POINT:
        return POINT + (1.0 - POINT) * (score - AWS_POINT) / (100.0 - AWS_POINT)
    return POINT * math.sqrt(score / AWS_POINT)
