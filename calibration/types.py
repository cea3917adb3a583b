"""What a distance between two faces means for a client."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vision.similarity import similarity


@dataclass(frozen=True)
class Comparison:
    """How alike two faces are.

    `distance` in the space's metric; `similarity` in [0, 1] as in `vision.similarity`, 0.7 at `threshold`. `margin` is
    by how much the similarity exceeds that of the most similar other candidate; None where there is no other.
    """

    distance: float
    similarity: float
    threshold: float
    margin: float | None = None

    @property
    def matches(self) -> bool:
        """The decision: the same person."""
        return self.distance <= self.threshold


@dataclass(frozen=True)
class OperatingPoint:
    """Up to which distance, in which metric, two faces of a space count as one person."""

    metric: str
    threshold: float

    def compare(self, distances: Iterable[float]) -> list[Comparison]:
        """Distances of rival candidates as comparisons, each with its margin to the best of the others."""
        known = list(distances)
        scores = [similarity(distance=gap, metric=self.metric, threshold=self.threshold) for gap in known]
        compared = []
        for index, (gap, score) in enumerate(zip(known, scores, strict=True)):
            others = scores[:index] + scores[index + 1 :]
            compared.append(Comparison(gap, score, self.threshold, score - max(others) if others else None))
        return compared
