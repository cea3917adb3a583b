"""Error rates of lists and of small faces, each half of the people with what was fitted on the other half.

Fitted are the projection of `pair128`, the table of false match rates, from which thresholds follow, and the limit
below which a face is not recognisable. Distances are divided by the threshold of their half, so that both halves are
counted together: 1 is the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from calibration.services import default_operating_point, point_of_table, read_tables
from evaluation import projection
from evaluation.fitted_rates import content_of, vectors_of
from evaluation.projection import Array, Described
from evaluation.rates import Estimate, Floats, Integers, Pairs, rates_at
from evaluation.recognition_rates import Column
from evaluation.searches import Searches, SearchRates, largest_list, search
from vision.distances import distance_matrix
from vision.engines.spaces import space_of
from vision.types import LEAST_RECOGNISABLE


@dataclass(frozen=True)
class Fitted:
    """What is fitted on the photographs `on` for the vectors of `column`."""

    on: Described
    column: Column

    def vectors(self, found: Described) -> Array:
        return vectors_of(self.column[0], found, self._matrix)

    def is_recognisable(self, found: Described) -> NDArray[np.bool_]:
        return np.asarray(found.lengths >= np.quantile(self.on.lengths, LEAST_RECOGNISABLE))

    def threshold(self, people: int) -> float:
        """Where the targets of the settings are kept among so many people."""
        model, metric = self.column
        table = read_tables(self._content, model)[metric]
        return point_of_table(table=table, metric=metric, people=people).threshold

    @cached_property
    def _matrix(self) -> Array:
        return projection.fit(self.on.both)

    @cached_property
    def _content(self) -> dict[str, object]:
        usable = self.on.subset(self.is_recognisable(self.on))
        return content_of(self.column[0], usable, self._matrix)


@dataclass(frozen=True)
class ListRates:
    """The rates of a list, at the thresholds of both halves.

    `fnir` is that at `delivered`, the threshold by the table in the repository. That was made from the pairs of
    strangers among all people: here it says nothing about false alarms, but its misses were not tuned.
    """

    rates: SearchRates
    thresholds: list[float]
    delivered: float
    fnir: Estimate


@dataclass(frozen=True)
class SmallFaces:
    """One-to-one rates of reduced photographs, each compared with the other photographs as they are.

    `missed`: in how many of the reduced ones no face is found, or none that can be recognised. They match nobody, which
    counts in `fnmr`; `fmr` is that of the others.
    """

    photographs: int
    missed: int
    fmr: Estimate | None
    fnmr: Estimate | None


def list_rates(found: Described, column: Column, sizes: Sequence[int]) -> list[ListRates]:
    """The rates of lists of each of `sizes` people, of both halves together.

    Raises `DamagedTable` if there are too few people to fit a table on.
    """
    halves, space = list(_halves(found, column)), space_of(column[0])
    most = min(largest_list(measured.people[fitted.is_recognisable(measured)]) for fitted, measured in halves)
    results = []
    for size in sizes:
        thresholds = [fitted.threshold(size) for fitted, _ in halves]
        parts = [_search(fitted, measured, min(size, most)) for fitted, measured in halves]
        scaled = [part.scaled(1 / threshold) for part, threshold in zip(parts, thresholds, strict=True)]
        rates = SearchRates.of(Searches.joined(scaled), people=size, threshold=1.0)
        delivered = default_operating_point(space=space, metric=column[1], people=size).threshold
        results.append(ListRates(rates, thresholds, delivered, Searches.joined(parts).fnir(delivered)))
    return results


def small_faces(found: Described, reduced: Described, column: Column) -> SmallFaces:
    """Rates at the one-to-one point; `reduced` are the same photographs, made smaller."""
    parts = [_compare(fitted, measured, reduced) for fitted, measured in _halves(found, column)]
    distances, genuine, people = (np.concatenate(rows) for rows in zip(*(part[:3] for part in parts), strict=True))
    order = np.argsort(distances, kind="stable")
    fmr, fnmr = rates_at(Pairs(distances[order], genuine[order], people[order]), 1.0)
    return SmallFaces(len(found.people), sum(part[3] for part in parts), fmr, fnmr)


def _halves(found: Described, column: Column) -> Iterator[tuple[Fitted, Described]]:
    first, second = found.halves()
    yield Fitted(second, column), first
    yield Fitted(first, column), second


def _search(fitted: Fitted, measured: Described, enrolled: int) -> Searches:
    usable = fitted.is_recognisable(measured)
    vectors, people = fitted.vectors(measured)[usable], measured.people[usable]
    missed = measured.people[~usable]
    return search(vectors, people, enrolled=enrolled, metric=fitted.column[1], missed=missed)


def _compare(
    fitted: Fitted, measured: Described, reduced: Described
) -> tuple[Floats, NDArray[np.bool_], Integers, int]:
    """Distances (n,) by the threshold, which pairs are genuine (n,), their people (n, 2), and how many are missed."""
    metric = fitted.column[1]
    full = measured.subset(fitted.is_recognisable(measured))
    small = reduced.subset(fitted.is_recognisable(reduced) & np.isin(reduced.files, measured.files))
    found = np.flatnonzero(np.isin(measured.files, small.files))
    distances = np.full((len(measured.files), len(full.files)), np.inf)
    distances[found] = distance_matrix(fitted.vectors(small), fitted.vectors(full), metric=metric)
    first, second = np.nonzero(measured.files[:, None] != full.files)
    people = np.stack([measured.people[first], full.people[second]], axis=1)
    genuine = people[:, 0] == people[:, 1]
    counted = genuine | np.isin(first, found)
    kept = distances[first, second][counted] / fitted.threshold(people=1)
    return kept, genuine[counted], people[counted], len(measured.files) - len(found)
