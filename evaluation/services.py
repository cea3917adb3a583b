"""The figures of one space on a set of labelled photographs, put together for a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from calibration.services import default_operating_point
from errors import InvalidInput
from evaluation.labelled import DescribedSet, LabelledSet, people_of, score_set
from evaluation.rates import (
    ErrorRates,
    Identification,
    Pairs,
    RateThreshold,
    Verification,
    error_rates,
    identify,
    verify,
)
from people.types import Refusal
from vision.engines import engines

CURVE_POINTS = 200  # of a curve in the JSON file


class UnusableSet(InvalidInput):
    """The usable photographs make no pairs of one person, or none of two."""

    code = "evaluate.no_pairs"


@dataclass(frozen=True)
class SpaceReport:
    """One space's figures. `median_ms` and `slow_ms` (the ninth decile) are times in the worker per photograph."""

    alias: str
    space: str
    metric: str
    images: int
    refused: list[Refusal]
    median_ms: float
    slow_ms: float
    verification: Verification
    identification: Identification | None
    chosen: RateThreshold
    pairs: Pairs
    rates: ErrorRates

    def to_json(self) -> dict[str, Any]:
        columns = (self.rates.thresholds, self.rates.fmr, self.rates.fnmr)
        picked = np.unique(np.linspace(1, len(columns[0]) - 1, CURVE_POINTS).astype(int))  # without minus infinity
        curve = zip(*(column[picked].tolist() for column in columns), strict=True)
        return {
            "alias": self.alias,
            "space": self.space,
            "metric": self.metric,
            "images": self.images,
            "milliseconds": {"median": self.median_ms, "ninth_decile": self.slow_ms},
            "verification": asdict(self.verification),
            "identification": asdict(self.identification) if self.identification else None,
            "chosen": asdict(self.chosen) | {"supported": self.chosen.is_supported},
            "refused": [asdict(refusal) for refusal in self.refused],
            "curve": [{"threshold": t, "fmr": m, "fnmr": n} for t, m, n in curve],
        }


def evaluate_space(
    *, labelled: LabelledSet, described: DescribedSet, alias: str, rates: Sequence[float], chosen: float
) -> SpaceReport:
    """Every figure of a described set; `chosen` is the false match rate of `rates` to operate at.

    Searches are measured for folders only, because a table of pairs does not say who the other people are. Raises
    `UnusableSet`.
    """
    space = engines[alias].space
    threshold = default_operating_point(space=space).threshold
    pairs = score_set(labelled, described, metric=space.metric)
    if pairs is None or not pairs.genuine_count or not pairs.impostor_count:
        raise UnusableSet(
            "There must be pairs of one person and pairs of two people, with one face in each photograph."
        )
    verification = verify(pairs, threshold=threshold, false_match_rates=rates)
    identification = None
    if labelled.pairs is None:
        embeddings = np.stack(list(described.embeddings.values()))
        identification = identify(embeddings, people_of(labelled, described), metric=space.metric, threshold=threshold)
    return SpaceReport(
        alias=alias,
        space=space.name,
        metric=space.metric,
        images=len(described.embeddings),
        refused=described.refused,
        median_ms=float(np.median(described.milliseconds)),
        slow_ms=float(np.quantile(described.milliseconds, 0.9)),
        verification=verification,
        identification=identification,
        chosen=next(point for point in verification.points if point.false_match_rate == chosen),
        pairs=pairs,
        rates=error_rates(pairs),
    )


def as_json(labelled: LabelledSet, reports: Sequence[SpaceReport]) -> dict[str, Any]:
    """The reports as JSON: every figure with its interval, and the curve with at most `CURVE_POINTS` points."""
    return {"photographs": len(labelled.photographs), "spaces": [report.to_json() for report in reports]}
