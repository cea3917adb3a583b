"""What a distance between two faces means for a client."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from calibration.similarity import Scale, ThresholdScale


class Decision(StrEnum):
    """What is said about two faces, or about a face and a gallery."""

    MATCH = "match"
    NO_MATCH = "no_match"
    REVIEW = "review"
    NOT_RECOGNISABLE = "not_recognisable"


class Basis(StrEnum):
    """What is known of the errors at an operating point. The score of a remote service promises no rate at all."""

    MEASURED = "measured"
    EXTRAPOLATED = "extrapolated"
    UNMEASURED = "unmeasured"
    REMOTE_SCORE = "remote_score"


@dataclass(frozen=True)
class Targets:
    """How many errors are allowed; None leaves it to the next wider level: gallery, client, deployment.

    `fpir_per_thousand`: strangers in a thousand who may raise an alarm in a search. `fmr_per_million`: strangers in a
    million who may pass a one-to-one comparison. `review_fpir_per_thousand`: strangers in a thousand whom a search may
    present for review, those who raise an alarm included; no review if it is not above `fpir_per_thousand`.
    """

    fpir_per_thousand: float | None = None
    fmr_per_million: float | None = None
    review_fpir_per_thousand: float | None = None

    @classmethod
    def of(cls, row: object) -> Targets:
        """Those that a row with `clients.models.ErrorTargets`, or the settings in lower case, has."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})

    def completed(self, wider: Targets) -> Targets:
        """These targets, and those of the wider level where there are none."""
        own, others = vars(self), vars(wider)
        return Targets(**{name: others[name] if own[name] is None else own[name] for name in own})


@dataclass(frozen=True)
class Rules:
    """What a gallery has of its own: a threshold in the space's metric (None or 0: none), and targets."""

    threshold: float | None = None
    targets: Targets = Targets()


def false_alarms(rate: float | None, people: int) -> float | None:
    """The expected share of strangers who match one of `people` or more, each of them at this rate; None without one.

    As if the pairs of a stranger were independent, which they are not quite: fewer strangers raise several alarms.
    """
    if rate is None:
        return None
    return -math.expm1(people * math.log1p(-rate)) if rate < 1 else float(people > 0)


@dataclass(frozen=True)
class OperatingPoint:
    """Up to which distance, in which metric, two faces count as one person, and what that means.

    `scale` gives similarities; without one, 0.7 is at the threshold. `false_match_rate` is the share of strangers'
    pairs within the threshold, None where it is not known; `extrapolated` if too few such pairs were measured. `review`
    is the distance up to which a person is to look (None: no further than the threshold). `people` are searched at
    once; 1 in a comparison.

    Raises ValueError for a threshold that is not a finite number above 0.
    """

    metric: str
    threshold: float
    scale: Scale | None = None
    false_match_rate: float | None = None
    extrapolated: bool = False
    review: float | None = None
    people: int = 1
    is_vendors: bool = False  # the distance is made of a remote service's score, which promises no rate

    def __post_init__(self) -> None:
        if not (math.isfinite(self.threshold) and self.threshold > 0):
            raise ValueError(f"A threshold is a finite number above 0, not {self.threshold}.")

    @property
    def reach(self) -> float:
        """The largest distance that is more than `no_match`."""
        return max(self.threshold, self.review or 0.0)

    @property
    def basis(self) -> Basis:
        """What the rates rest upon."""
        if self.is_vendors:
            return Basis.REMOTE_SCORE
        if self.false_match_rate is None:
            return Basis.UNMEASURED
        return Basis.EXTRAPOLATED if self.extrapolated else Basis.MEASURED

    @property
    def false_alarm_rate(self) -> float | None:
        """The expected share of strangers who match anybody among `people`; None where it is not known."""
        return false_alarms(self.false_match_rate, self.people)

    def decide(self, distance: float) -> Decision:
        """The threshold itself still matches; NaN, the distance of a zero vector, does not."""
        if distance <= self.threshold:
            return Decision.MATCH
        return Decision.REVIEW if distance <= self.reach else Decision.NO_MATCH

    def similarity(self, distance: float) -> float:
        """A distance on the similarity scale, 0 to 1."""
        return (self.scale or ThresholdScale(self.metric, self.threshold)).similarity(distance)

    def stranger_rate(self, distance: float) -> tuple[float, bool] | None:
        """The share of strangers' pairs that are as near as this or nearer, and whether it was measured; otherwise the
        true share is smaller. None where nothing is known.
        """
        return self.scale.stranger_rate(distance) if self.scale else None

    def compare(self, distances: Iterable[float]) -> list[Comparison]:
        """The distances of rival candidates as comparisons, each with its margin to the best of the others."""
        alone = [Comparison(self, distance, self.similarity(distance), self.decide(distance)) for distance in distances]
        return with_margins(alone)


@dataclass(frozen=True)
class Comparison:
    """How similar two faces are, and what is decided at an operating point.

    `distance` is in the metric of the point; `similarity` is 0 to 1 (see `calibration.similarity`). `margin` is how far
    the similarity exceeds that of the most similar other candidate; None without one. A face that cannot be recognised
    has neither distance nor similarity, and `reason` says what is wrong with it (see `vision.quality`).
    """

    point: OperatingPoint
    distance: float | None
    similarity: float | None
    decision: Decision
    margin: float | None = None
    reason: str | None = None

    @classmethod
    def refused(cls, point: OperatingPoint, reason: str | None) -> Comparison:
        """No comparison: one of the faces cannot be recognised."""
        return cls(point, None, None, Decision.NOT_RECOGNISABLE, reason=reason)

    @property
    def threshold(self) -> float:
        return self.point.threshold

    @property
    def matches(self) -> bool:
        return self.decision is Decision.MATCH


def with_margins(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Rival candidates, each with its margin to the most similar other one."""
    rivals = list(comparisons)
    best = sorted((one.similarity or 0.0 for one in rivals), reverse=True)[:2]
    if len(best) < 2:
        return rivals
    scores = [one.similarity or 0.0 for one in rivals]
    return [
        replace(one, margin=score - (best[1] if score == best[0] else best[0]))
        for one, score in zip(rivals, scores, strict=True)
    ]
