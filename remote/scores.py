"""Our similarity, 0 to 1, as a service's score, and back: the one home of the mapping. docs/remote.md publishes it.

0.7, our one-to-one point, is the score that the vendor recommends for decisions. Above it the scale is linear up to the
largest score, below it quadratic down to 0, where vendors show strangers too. Both directions are strictly monotonic,
so that an order by one is the order by the other. A score promises no rate of false alarms, and mapping does not make
it promise one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

POINT = 0.7


@dataclass(frozen=True)
class Scale:
    """`point`: the vendor's recommended point of decision; `largest`: the score of two equal faces."""

    point: float
    largest: float

    def score_of(self, similarity: float) -> float:
        """Values outside 0 to 1 count as the end that they are beyond."""
        if similarity >= POINT:
            return self.point + (self.largest - self.point) * (min(similarity, 1.0) - POINT) / (1.0 - POINT)
        return self.point * (max(similarity, 0.0) / POINT) ** 2

    def similarity_of(self, score: float) -> float:
        """Scores outside the scale count as the end that they are beyond."""
        if score >= self.point:
            return POINT + (1.0 - POINT) * (min(score, self.largest) - self.point) / (self.largest - self.point)
        return POINT * math.sqrt(max(score, 0.0) / self.point)


REKOGNITION = Scale(point=80.0, largest=100.0)  # AWS's default threshold
AZURE = Scale(point=0.5, largest=1.0)  # verify's `isIdentical`
