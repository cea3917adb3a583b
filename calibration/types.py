"""What a distance between two faces means for a client."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from calibration.similarity import similarity


@dataclass(frozen=True)
class Comparison:
    """How similar two faces are.

    `distance` is in the metric of the operating point; `similarity` is 0 to 1 and 0.7 at `threshold` (see
    `calibration.similarity`). `margin` is how far the similarity exceeds that of the most similar other candidate;
    None without another candidate.
    """

    distance: float
    similarity: float
    threshold: float
    margin: float | None = None

    @property
    def matches(self) -> bool:
        """The decision: the same person. The threshold itself still matches."""
        return self.distance <= self.threshold


@dataclass(frozen=True)
class OperatingPoint:
    """Up to which distance, in which metric, two faces count as one person.

    Raises ValueError for a threshold that is not a finite number above 0.
    """

    metric: str
    threshold: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.threshold) and self.threshold > 0):
            raise ValueError(f"A threshold is a finite number above 0, not {self.threshold}.")

    def similarity(self, distance: float) -> float:
        """A distance on the similarity scale, 0 to 1; 0.7 at the threshold."""
        return similarity(distance=distance, metric=self.metric, threshold=self.threshold)

    def compare(self, distances: Iterable[float]) -> list[Comparison]:
        """The distances of rival candidates as comparisons, each with its margin to the best of the others."""
        known = list(distances)
        scores = [self.similarity(distance) for distance in known]
        compared = []
        for index, (distance, score) in enumerate(zip(known, scores, strict=True)):
            others = scores[:index] + scores[index + 1 :]
            margin = score - max(others) if others else None
            compared.append(Comparison(distance, score, self.threshold, margin))
        return compared
