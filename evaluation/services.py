"""The figures of one space on a set of labelled photographs, put together for a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.db.models import Count

from calibration.services import default_operating_point
from evaluation.exceptions import UnusableSet
from evaluation.labelled import DescribedSet, LabelledSet, people_of, score_set
from evaluation.rates import ErrorRates, Estimate, Pairs, RateThreshold, Verification, error_rates, rates_at, verify
from evaluation.searches import SearchRates, largest_list, rates_of_lists
from people.models import Person
from people.types import Refusal
from vision.engines import engines

CURVE_POINTS = 200  # of a curve in the JSON file


@dataclass(frozen=True)
class GroupRates:
    """One-to-one rates among the people of a group, at the default threshold.

    `fmr` is None for a group of one person, `fnmr` for one with one photograph of each.
    """

    name: str
    people: int
    photographs: int
    genuine_pairs: int
    impostor_pairs: int
    fmr: Estimate | None
    fnmr: Estimate | None


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
    searches: list[SearchRates]
    groups: list[GroupRates]
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
            "searches": [_search_json(rates) for rates in self.searches],
            "groups": [asdict(group) for group in self.groups],
            "chosen": asdict(self.chosen) | {"supported": self.chosen.is_supported},
            "refused": [asdict(refusal) for refusal in self.refused],
            "curve": [{"threshold": t, "fmr": m, "fnmr": n} for t, m, n in curve],
        }


def _search_json(rates: SearchRates) -> dict[str, Any]:
    curve = zip(*(column.tolist() for column in vars(rates.curve).values()), strict=True)
    points = [{"threshold": t, "fpir": p, "fnir": n} for t, p, n in curve]
    return asdict(rates) | {"extrapolated": rates.is_extrapolated, "curve": points}


def largest_gallery() -> int | None:
    """How many people the largest gallery or blacklist of this deployment holds; None if there is nobody."""
    galleries = Person.objects.order_by().values("gallery").annotate(held=Count("pk"))
    return galleries.order_by("-held").values_list("held", flat=True).first()


def evaluate_space(
    *,
    labelled: LabelledSet,
    described: DescribedSet,
    alias: str,
    rates: Sequence[float],
    chosen: float,
    galleries: Sequence[int] = (),
) -> SpaceReport:
    """Every figure of a described set; `chosen` is the false match rate of `rates` to operate at.

    `galleries` are the sizes of the lists that are searched, by default the largest one that the set allows. Searches
    are measured for folders only, because a table of pairs does not say who the other people are. Raises `UnusableSet`.
    """
    space = engines[alias].space
    threshold = default_operating_point(space=space).threshold
    pairs = _usable_pairs(labelled, described, metric=space.metric)
    groups = [_group(name, labelled, described, metric=space.metric, threshold=threshold) for name in labelled.groups]
    if groups and not any(group.impostor_pairs for group in groups):
        message = "No group has two people whose faces can be compared. A group's folder holds one folder per person."
        raise UnusableSet(message, code="evaluate.groups_of_one")
    verification = verify(pairs, threshold=threshold, false_match_rates=rates)
    return SpaceReport(
        alias=alias,
        space=space.name,
        metric=space.metric,
        images=len(described.embeddings),
        refused=described.refused,
        median_ms=float(np.median(described.milliseconds)),
        slow_ms=float(np.quantile(described.milliseconds, 0.9)),
        verification=verification,
        searches=_searches(labelled, described, alias, galleries) if labelled.pairs is None else [],
        groups=groups,
        chosen=next(point for point in verification.points if point.false_match_rate == chosen),
        pairs=pairs,
        rates=error_rates(pairs),
    )


def _usable_pairs(labelled: LabelledSet, described: DescribedSet, *, metric: str) -> Pairs:
    """Every pair. Raises `UnusableSet` unless there are pairs of both kinds."""
    pairs = score_set(labelled, described.embeddings, metric=metric)
    if not described.embeddings:
        raise UnusableSet("None of the photographs shows a face that can be compared.")
    if pairs is None or not pairs.impostor_count:
        message = "There are no pairs of two people; photographs of two people or more are needed."
        raise UnusableSet(message, code="evaluate.one_person")
    if not pairs.genuine_count:
        message = "There are no pairs of one person; people with two photographs or more are needed."
        raise UnusableSet(message, code="evaluate.one_photograph_each")
    return pairs


def _group(name: str, labelled: LabelledSet, described: DescribedSet, *, metric: str, threshold: float) -> GroupRates:
    inside = {i: row for i, row in described.embeddings.items() if labelled.photographs[i].group == name}
    people = len(set(people_of(labelled, inside)))
    pairs = score_set(labelled, inside, metric=metric)
    if pairs is None:
        return GroupRates(name, people, len(inside), 0, 0, None, None)
    fmr, fnmr = rates_at(pairs, threshold)
    return GroupRates(name, people, len(inside), pairs.genuine_count, pairs.impostor_count, fmr, fnmr)


def _searches(
    labelled: LabelledSet, described: DescribedSet, alias: str, galleries: Sequence[int]
) -> list[SearchRates]:
    space, people = engines[alias].space, people_of(labelled, described.embeddings)
    return rates_of_lists(
        np.stack(list(described.embeddings.values())),
        people,
        sizes=galleries or [largest_list(people)],
        threshold_of=lambda size: default_operating_point(space=space, people=size).threshold,
        metric=space.metric,
        missed=people_of(labelled, described.missed),
    )


def as_json(labelled: LabelledSet, reports: Sequence[SpaceReport]) -> dict[str, Any]:
    """The reports as JSON: every figure with its interval, and the curve with at most `CURVE_POINTS` points."""
    return {"photographs": len(labelled.photographs), "spaces": [report.to_json() for report in reports]}
