"""The similarity scale: a distance in any metric as a number from 0 to 1. Pure arithmetic.

In a space with a measured table a similarity means a false match rate, the same in every space and gallery: 0.7 is one
pair of strangers in 10,000, and every tenth is a factor of ten, from 0.4 (one in 10) to 0.9 (one in a million). Above
that the similarity rises linearly with the distance to 1 at distance 0; below it falls linearly to 0 at the largest.

In a space whose rates nobody has measured only the published threshold is known. It stands for the one-to-one point,
0.7, and says nothing of rates: up to it the similarity falls linearly from 1, beyond it exponentially towards 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from calibration.tables import SCALE_RATES, RateTable

ONE_TO_ONE = 0.7  # on this scale: a false match rate of 1e-4, or a published threshold
DECAY = 0.8  # beyond a published threshold, per multiple of it
QUADRATIC = {"cosine"}  # metrics that grow with the square of the linear ones


class Scale(Protocol):
    """Distances as similarities, and back."""

    def similarity(self, distance: float) -> float:
        """0 to 1; falls as the distance grows. NaN, the distance of a zero vector, gives 0."""

    def distance(self, similarity: float) -> float:
        """The distance that has this similarity, above 0 and up to 1."""

    def stranger_rate(self, distance: float) -> tuple[float, bool] | None:
        """The share of strangers' pairs at this distance or less, and whether it was measured; otherwise it is the
        smallest that was, an upper bound. None where nothing was measured, and for NaN.
        """


@dataclass(frozen=True)
class RateScale:
    """The scale of a space with a measured table."""

    table: RateTable

    def similarity(self, distance: float) -> float:
        near, far = self._ends
        if math.isnan(distance) or distance >= self.table.largest:
            return 0.0
        if distance <= near:
            return 1.0 - 0.1 * max(distance, 0.0) / near
        if distance >= far:
            return 0.4 * (self.table.largest - distance) / (self.table.largest - far)
        return 0.3 - 0.1 * math.log10(self.table.rate(distance))

    def distance(self, similarity: float) -> float:
        near, far = self._ends
        if similarity >= 0.9:
            return near * (1.0 - similarity) / 0.1
        if similarity <= 0.4:
            return self.table.largest - (self.table.largest - far) * similarity / 0.4
        return self.table.distance(10 ** (3 - 10 * similarity))

    def stranger_rate(self, distance: float) -> tuple[float, bool] | None:
        if math.isnan(distance):
            return None
        is_measured = self.table.is_measured(distance)
        return (self.table.rate(distance) if is_measured else self.table.rates[0]), is_measured

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """The distances of 0.9 and of 0.4."""
        near, far = map(self.table.distance, SCALE_RATES)
        return near, far


@dataclass(frozen=True)
class ThresholdScale:
    """The scale of a space of which only a threshold is known: a distance above 0."""

    metric: str
    threshold: float

    def similarity(self, distance: float) -> float:
        if math.isnan(distance):
            return 0.0
        ratio = max(distance, 0.0) / self.threshold
        if self.metric in QUADRATIC:
            ratio = math.sqrt(ratio)
        if ratio <= 1:
            return 1.0 - (1.0 - ONE_TO_ONE) * ratio
        return ONE_TO_ONE * math.exp(-DECAY * (ratio - 1))

    def distance(self, similarity: float) -> float:
        if similarity >= ONE_TO_ONE:
            ratio = (1.0 - similarity) / (1.0 - ONE_TO_ONE)
        else:
            ratio = 1.0 - math.log(similarity / ONE_TO_ONE) / DECAY
        return self.threshold * (ratio**2 if self.metric in QUADRATIC else ratio)

    def stranger_rate(self, distance: float) -> tuple[float, bool] | None:
        return None
