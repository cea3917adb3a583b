"""The figures of one space about a set of labelled photographs, put together for a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from errors import InvalidInput
from evaluation.labelled import Described, LabelledSet, people_of, scored
from evaluation.rates import Identification, OperatingPoint, Pairs, Rates, Verification, error_rates, identify, verify
from people.types import Refusal
from vision.engines import engines

CURVE_POINTS = 200  # of a curve in the JSON file


class UnusableSet(InvalidInput):
    """What is left of the set has no pairs of one person, or none of two."""

    code = "evaluate.no_pairs"


@dataclass(frozen=True)
class SpaceReport:
    """What one space makes of the set. `median_ms` and `slow_ms` (of ten photographs nine take less) in the worker."""

    alias: str
    space: str
    metric: str
    images: int
    refused: list[Refusal]
    median_ms: float
    slow_ms: float
    verification: Verification
    identification: Identification | None
    chosen: OperatingPoint
    pairs: Pairs
    rates: Rates


def compare(
    labelled: LabelledSet, described: Described, *, alias: str, rates: Sequence[float], chosen: float
) -> SpaceReport:
    """Every figure of a described set; `chosen` is the false match rate of `rates` to operate at.

    Searches are measured for folders only: pairs do not tell who is not on whose photograph. Raises `UnusableSet`.
    """
    space = engines[alias].space
    threshold = space.thresholds[space.metric]
    pairs = scored(labelled, described, metric=space.metric)
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
    """The reports as JSON: every figure with its interval, and the curve in at most `CURVE_POINTS` points."""
    return {"photographs": len(labelled.photographs), "spaces": [_space_json(report) for report in reports]}


def _space_json(report: SpaceReport) -> dict[str, Any]:
    every = report.rates.thresholds[1:]
    picked = np.unique(np.linspace(0, len(every) - 1, CURVE_POINTS).astype(int)) + 1
    columns = zip(*(column[picked].tolist() for column in _columns(report.rates)), strict=True)
    return {
        "alias": report.alias,
        "space": report.space,
        "metric": report.metric,
        "images": report.images,
        "milliseconds": {"median": report.median_ms, "ninth_decile": report.slow_ms},
        "verification": asdict(report.verification),
        "identification": asdict(report.identification) if report.identification else None,
        "chosen": asdict(report.chosen) | {"supported": report.chosen.is_supported},
        "refused": [asdict(refusal) for refusal in report.refused],
        "curve": [{"threshold": t, "fmr": m, "fnmr": n} for t, m, n in columns],
    }


def _columns(rates: Rates) -> tuple[np.ndarray, ...]:
    return rates.thresholds, rates.fmr, rates.fnmr
