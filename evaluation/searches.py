"""How well a list of people is searched: error rates of identification (ISO/IEC 19795-1). Pure numpy.

Some people are enrolled with their first photograph, and searched for with their others: mated searches. Everybody else
is a stranger to the list. FNIR is the share of mated searches that do not return the person: somebody else comes first,
the person lies beyond the threshold, or the photograph shows no face that can be recognised. FPIR is the share of
strangers' searches in which anybody lies within the threshold. Who is enrolled is drawn several times, and all searches
count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.rates import SEED, Estimate, Floats, Integers, by_person
from vision.distances import distance_matrix

DRAWS = 20
MOST_ENROLLED = 0.9  # of the people, so that strangers remain
CHUNK = 4096  # searches whose distances are in memory at once
CURVE_POINTS = 100  # of each of the two rates


@dataclass(frozen=True)
class SearchCurve:
    """FPIR and FNIR at each threshold, ascending."""

    thresholds: Floats
    fpir: Floats
    fnir: Floats


@dataclass(frozen=True)
class Searches:
    """Every search of every draw among `enrolled` people, with the number of the person on each photograph.

    `mates` (n,): the distance of the enrolled person, infinite where somebody else is as near or nearer, or where no
    face can be recognised. `strangers` (m,): the distance of the nearest person.
    """

    enrolled: int
    mates: Floats
    mate_people: Integers
    strangers: Floats
    stranger_people: Integers

    def fnir(self, threshold: float) -> Estimate:
        return by_person(self.mates > threshold, self.mate_people)

    def fpir(self, threshold: float) -> Estimate:
        return by_person(self.strangers <= threshold, self.stranger_people)

    @property
    def rank_1(self) -> Estimate:
        """The share of mated searches in which the person comes first, at any distance."""
        return by_person(np.isfinite(self.mates), self.mate_people)

    @classmethod
    def joined(cls, parts: Sequence[Searches]) -> Searches:
        """The searches of several sets of people, whose numbers differ, in lists of one size."""
        arrays = [(one.mates, one.mate_people, one.strangers, one.stranger_people) for one in parts]
        return cls(parts[0].enrolled, *map(np.concatenate, zip(*arrays, strict=True)))

    def scaled(self, factor: float) -> Searches:
        """The same with every distance multiplied."""
        return replace(self, mates=self.mates * factor, strangers=self.strangers * factor)

    def curve(self) -> SearchCurve:
        """Both rates at thresholds in even steps of FNIR, and of the logarithm of FPIR."""
        finite = self.mates[np.isfinite(self.mates)]
        shares = np.geomspace(1 / len(self.strangers), 1, CURVE_POINTS)
        alarming = np.quantile(self.strangers, shares)
        even = np.quantile(finite, np.linspace(0, 1, CURVE_POINTS)) if len(finite) else finite
        thresholds = np.unique(np.concatenate([even, alarming, [self.strangers.min()]]))
        found, alarms = np.sort(self.mates), np.sort(self.strangers)
        within = np.searchsorted(found, thresholds, side="right") / len(found)
        return SearchCurve(thresholds, np.searchsorted(alarms, thresholds, side="right") / len(alarms), 1 - within)


@dataclass(frozen=True)
class SearchRates:
    """One-to-many rates of a list of `people`, at the `threshold` that holds for a list of this size.

    `enrolled`: how many people were searched. If they are fewer than `people`, FPIR is that of independent draws of so
    many, which is no less than the truth, and FNIR leaves out the strangers who would come before the person, of whom
    there are no more than FPIR. `mates` and `strangers`: how many people were searched for, and how many were not
    enrolled in some draw.
    """

    people: int
    enrolled: int
    threshold: float
    mates: int
    strangers: int
    fpir: Estimate
    fnir: Estimate
    rank_1: Estimate
    curve: SearchCurve

    @classmethod
    def of(cls, found: Searches, *, people: int, threshold: float) -> SearchRates:
        fpir = found.fpir(threshold)
        if people > found.enrolled:
            times = people / found.enrolled
            fpir = Estimate(*(1 - (1 - rate) ** times for rate in (fpir.value, fpir.low, fpir.high)))
        mates, strangers = (len(np.unique(numbers)) for numbers in (found.mate_people, found.stranger_people))
        fnir, rank_1 = found.fnir(threshold), found.rank_1
        return cls(people, found.enrolled, threshold, mates, strangers, fpir, fnir, rank_1, found.curve())

    @property
    def is_extrapolated(self) -> bool:
        return self.people > self.enrolled


def rates_of_lists(
    embeddings: NDArray[Any],
    people: Integers,
    *,
    sizes: Iterable[int],
    threshold_of: Callable[[int], float],
    metric: str,
    missed: Integers | None = None,
) -> list[SearchRates]:
    """The rates of lists of each of `sizes` people. See `search` for the photographs, and what it raises.

    `threshold_of` gives the threshold of a list by its size.
    """
    most, results = largest_list(people), []
    for size in sizes:
        found = search(embeddings, people, enrolled=min(size, most), metric=metric, missed=missed)
        results.append(SearchRates.of(found, people=size, threshold=threshold_of(size)))
    return results


def largest_list(people: Integers) -> int:
    """How many of the people of these photographs are enrolled at most."""
    return int(MOST_ENROLLED * len(np.unique(people)))


def search(
    embeddings: NDArray[Any],
    people: Integers,
    *,
    enrolled: int,
    metric: str,
    missed: Integers | None = None,
    draws: int = DRAWS,
) -> Searches:
    """Searches of lists of `enrolled` people, drawn anew each time.

    `people` (n,) numbers the person on each photograph, whose first one is enrolled. `missed` (k,) holds the person of
    each further photograph without a face that can be recognised. People with something to be searched for by are drawn
    first, so that there are as many mated searches as possible.

    Raises ValueError if there is nobody to search, to search for, or who is a stranger.
    """
    missed = np.empty(0, np.int64) if missed is None else missed[np.isin(missed, people)]
    names, first, numbers = np.unique(people, return_index=True, return_inverse=True)
    missed = np.searchsorted(names, missed)
    probes = np.bincount(np.concatenate([numbers, missed])) - 1
    if not 0 < enrolled < len(names) or not probes.any():
        raise ValueError("A list needs people with several photographs, and strangers.")
    random = np.random.default_rng(SEED)
    parts = []
    for _ in range(draws):
        order = random.permutation(len(names))
        chosen = order[np.argsort(probes[order] == 0, kind="stable")][:enrolled]
        parts.append(_search_once(embeddings, numbers, first, chosen, missed, metric))
    mates, mate_people, strangers, stranger_people = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Searches(enrolled, mates, names[mate_people], strangers, names[stranger_people])


def _search_once(
    embeddings: NDArray[Any], numbers: Integers, first: Integers, chosen: Integers, missed: Integers, metric: str
) -> tuple[Floats, Integers, Floats, Integers]:
    """Distances and people of the mated searches, and of the strangers', of a list of the people `chosen`."""
    column = np.full(len(first), -1)
    column[chosen] = np.arange(len(chosen))
    searched = np.flatnonzero(np.arange(len(numbers)) != first[numbers])  # photographs that are not enrolled
    searched = np.union1d(searched, first[column < 0])
    places = column[numbers[searched]]
    own, others = _nearest(embeddings[searched], embeddings[first[chosen]], places, metric)
    is_mate = places >= 0
    mates = np.where(own < others, own, np.inf)[is_mate]
    lost = missed[column[missed] >= 0]
    return (
        np.concatenate([mates, np.full(len(lost), np.inf)]),
        np.concatenate([numbers[searched[is_mate]], lost]),
        others[~is_mate],
        numbers[searched[~is_mate]],
    )


def _nearest(probes: NDArray[Any], templates: NDArray[Any], own: Integers, metric: str) -> tuple[Floats, Floats]:
    """For each probe the distance of its own template in column `own` (-1: infinite), and of the nearest other one."""
    mates, others = np.full(len(probes), np.inf), np.full(len(probes), np.inf)
    for start in range(0, len(probes), CHUNK):
        part = slice(start, start + CHUNK)
        distances = distance_matrix(probes[part], templates, metric=metric)
        rows = np.flatnonzero(own[part] >= 0)
        mates[part][rows] = distances[rows, own[part][rows]]
        distances[rows, own[part][rows]] = np.inf
        others[part] = distances.min(axis=1)
    return mates, others
