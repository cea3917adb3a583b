"""From allowed errors to a distance, and from a distance to the errors that it means. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from calibration.similarity import RateScale, ThresholdScale
from calibration.tables import RateTable
from calibration.types import OperatingPoint, Targets

ONE_TO_ONE_RATE = 1e-4  # of the similarity 0.7
SMALLEST = 1e-6  # of thresholds, where a target asks for less than any distance allows


class Rates(Protocol):
    """What is known about the distances of a space in one metric."""

    @property
    def metric(self) -> str: ...

    def point(self, *, threshold: float | None, targets: Targets, people: int) -> OperatingPoint:
        """The operating point among so many people: at `threshold`, or where the (complete) targets are kept."""


@dataclass(frozen=True)
class PublishedThreshold:
    """Rates are unknown: there is one threshold, for comparisons and galleries of any size.

    `false_match_rate` at it, if a client has measured that.
    """

    metric: str
    threshold: float
    false_match_rate: float | None = None

    def point(self, *, threshold: float | None, targets: Targets, people: int) -> OperatingPoint:
        chosen = threshold or self.threshold
        known = self.false_match_rate if chosen == self.threshold else None
        return OperatingPoint(
            self.metric, chosen, ThresholdScale(self.metric, self.threshold), false_match_rate=known, people=people
        )


@dataclass(frozen=True)
class MeasuredRates:
    """A table of rates. `calibrated`: the client's own threshold for comparisons, which takes the table's place."""

    metric: str
    table: RateTable
    calibrated: CalibratedThreshold | None = None

    def point(self, *, threshold: float | None, targets: Targets, people: int) -> OperatingPoint:
        if threshold:
            return self._at(threshold, people)
        per_thousand, per_million, review = (
            targets.fpir_per_thousand or 0.0, targets.fmr_per_million or 0.0, targets.review_fpir_per_thousand or 0.0
        )  # fmt: skip
        in_search = per_thousand / 1e3 / max(people, 1)
        in_comparison = self.calibrated.rate if self.calibrated else per_million / 1e6
        allowed = min(in_comparison, in_search)
        chosen = self.calibrated.threshold if self.calibrated and allowed == in_comparison else self._distance(allowed)
        reach = self._distance(allowed * review / per_thousand) if review > per_thousand else None
        return self._at(chosen, people, reach)

    def _at(self, threshold: float, people: int, review: float | None = None) -> OperatingPoint:
        return OperatingPoint(
            self.metric,
            threshold,
            RateScale(self._table),
            false_match_rate=min(self._table.rate(threshold) * self._factor, 1.0),
            extrapolated=not self._table.is_measured(threshold),
            review=review,
            people=people,
        )

    def _distance(self, rate: float) -> float:
        return max(self._table.distance(rate / self._factor), SMALLEST)

    @property
    def _table(self) -> RateTable:
        """Stretched so that the calibrated threshold is the one-to-one point of the scale."""
        if self.calibrated is None:
            return self.table
        return self.table.stretched(self.calibrated.threshold / self.table.distance(ONE_TO_ONE_RATE))

    @property
    def _factor(self) -> float:
        """By how much the client's rates exceed those of the stretched table."""
        return self.calibrated.rate / ONE_TO_ONE_RATE if self.calibrated else 1.0


@dataclass(frozen=True)
class CalibratedThreshold:
    """A threshold that a client measured, and its false match rate; that of the one-to-one point if it is not known."""

    threshold: float
    rate: float = ONE_TO_ONE_RATE
