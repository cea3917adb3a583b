"""How well the default recogniser and Dlib tell people apart, within a set and within each group of people.

Both describe the same faces, those that YuNet finds. `pair128` is compared as everywhere; Dlib by the Euclidean
distance, which decides in its space, and by the cosine distance, which suits it better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation import projection
from evaluation.projection import Described
from evaluation.rates import (
    Estimate,
    Pairs,
    error_rates,
    estimate,
    pair_everyone,
    rates_at,
    resamples,
    score_pairs,
    tar_at,
    threshold_at,
)
from vision.engines.onnx import fitted

COMPARED = (("pair128", "cosine"), ("Dlib", "euclidean"), ("Dlib", "cosine"))  # model and metric

Column = tuple[str, str]  # one of COMPARED
Array = NDArray[Any]


@dataclass(frozen=True)
class Acceptance:
    """The share of one person's pairs that match (TAR) where a share of strangers' pairs does, by column."""

    genuine: int
    impostor: int
    false_match_rate: float
    tar: dict[Column, Estimate]


@dataclass(frozen=True)
class GroupRates:
    """The share of strangers' pairs within a group that match at given thresholds (FMR), by column."""

    photographs: int
    pairs: int
    fmr: dict[Column, Estimate | None]


def across_halves(found: Described, false_match_rate: float) -> list[Acceptance]:
    """For each half of the people, with the projection fitted on the other half."""
    first, second = found.halves()
    return [
        acceptance(pairs_of(measured, projection.fit(other.both)), false_match_rate)
        for other, measured in ((second, first), (first, second))
    ]


def pairs_of(found: Described, matrix: Array | None = None) -> dict[Column, Pairs]:
    """Every pair of photographs, by column. `matrix`: the projection, by default that of the repository."""
    both = projection.project(found.both, fitted.projection() if matrix is None else matrix)
    vectors = {"pair128": both, "Dlib": found.vectors["Dlib"]}
    chosen, genuine = pair_everyone(found.people, most_impostors=len(found.people) ** 2)
    return {
        (model, metric): score_pairs(vectors[model], found.people, chosen, genuine=genuine, metric=metric)
        for model, metric in COMPARED
    }


def acceptance(pairs: Mapping[Column, Pairs], false_match_rate: float) -> Acceptance:
    """TAR at a false match rate, with intervals by person."""
    some = next(iter(pairs.values()))
    tar = {column: _true_accept(found, false_match_rate) for column, found in pairs.items()}
    return Acceptance(some.genuine_count, some.impostor_count, false_match_rate, tar)


def thresholds_at(pairs: Mapping[Column, Pairs], false_match_rate: float) -> dict[Column, float]:
    """The distance at which this share of strangers' pairs match, by column."""
    return {column: threshold_at(error_rates(found), false_match_rate) for column, found in pairs.items()}


def within_group(group: Described, thresholds: Mapping[Column, float]) -> GroupRates:
    """FMR at these thresholds among the people of a group, with intervals by person."""
    pairs = pairs_of(group)
    fmr = {column: rates_at(found, thresholds[column])[0] for column, found in pairs.items()}
    return GroupRates(len(group.people), next(iter(pairs.values())).impostor_count, fmr)


def _true_accept(pairs: Pairs, false_match_rate: float) -> Estimate:
    resampled = [tar_at(error_rates(pairs, weights), false_match_rate) for weights in resamples(pairs)]
    people = len(np.unique(pairs.people[pairs.genuine]))
    return estimate(tar_at(error_rates(pairs), false_match_rate), np.array(resampled), people)
