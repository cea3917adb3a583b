"""How well distances tell people apart: error rates, curves and their uncertainty. Pure numpy.

A pair is genuine (two images of one person) or of impostors (two people), and counts as a match when its distance is
at most the threshold. Terms follow ISO/IEC 19795-1: FMR is the share of impostor pairs that match (FAR of the
algorithm), FNMR the share of genuine pairs that do not, TAR is 1 - FNMR, EER the rate at which both are equal.

Pairs that share a person are not independent. Intervals are therefore percentiles of a bootstrap that draws people,
not pairs (the subset bootstrap of Bolle, Ratha and Pankanti, CVIU 2004). Where it sees no spread, because no error
occurred, the exact binomial bound (Clopper and Pearson, 1934) for as many trials as there are people takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.distances import row_distances

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONFIDENCE = 0.95
RESAMPLES = 400
MOST_IMPOSTORS = 500_000  # pairs; of a larger set that many are drawn at random, genuine pairs are never left out
CHUNK = 65_536  # pairs whose embeddings are in memory at once
SEED = 20_240_229  # intervals are the same at every run
RULE_OF_3 = 3.0  # without any error in n trials the rate is below 3 / n, with 95 % confidence
RULE_OF_30 = 30.0  # with 30 errors the rate is within 30 % of the truth, with 90 % confidence (Doddington, 2000)


@dataclass(frozen=True)
class Pairs:
    """Scored pairs, closest first: `distances` (n,), `genuine` (n,) and `people` (n, 2), the number of each person."""

    distances: Floats
    genuine: NDArray[np.bool_]
    people: Integers

    @property
    def genuine_count(self) -> int:
        return int(self.genuine.sum())

    @property
    def impostor_count(self) -> int:
        return int((~self.genuine).sum())


@dataclass(frozen=True)
class ErrorRates:
    """FMR and FNMR at each threshold, ascending; the first one, minus infinity, matches nothing."""

    thresholds: Floats
    fmr: Floats
    fnmr: Floats


@dataclass(frozen=True)
class Estimate:
    """A rate and its 95 % confidence interval, all 0 to 1."""

    value: float
    low: float
    high: float

    @property
    def percent(self) -> str:
        """Such as 5.6 % (1.8 to 12.5)."""
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


@dataclass(frozen=True)
class RateThreshold:
    """The threshold for a false match rate. `expected_errors`: how many impostor pairs this rate amounts to."""

    false_match_rate: float
    threshold: float
    tar: Estimate
    expected_errors: float

    @property
    def is_supported(self) -> bool:
        """Whether there are enough impostor pairs to show a rate as small as this."""
        return self.expected_errors >= RULE_OF_3

    @property
    def is_precise(self) -> bool:
        return self.expected_errors >= RULE_OF_30


@dataclass(frozen=True)
class Verification:
    """One to one: how pairs are decided. `fmr`, `fnmr` and `accuracy` (share of all pairs) hold at `threshold`."""

    genuine_pairs: int
    impostor_pairs: int
    eer: Estimate
    auc: Estimate
    threshold: float
    fmr: Estimate
    fnmr: Estimate
    accuracy: Estimate
    points: list[RateThreshold]


def score_pairs(
    embeddings: NDArray[np.float32], people: Integers, chosen: Integers, *, genuine: NDArray[np.bool_], metric: str
) -> Pairs:
    """The pairs `chosen` (n, 2) of rows of `embeddings`, scored and sorted; `people` numbers the person of each row."""
    chunks = [
        row_distances(embeddings[part[:, 0]], embeddings[part[:, 1]], metric=metric)
        for part in np.split(chosen, range(CHUNK, len(chosen), CHUNK))
    ]
    distances = np.concatenate(chunks)
    order = np.argsort(distances, kind="stable")
    return Pairs(distances[order], genuine[order], people[chosen[order]])


def pair_everyone(people: Integers, *, most_impostors: int = MOST_IMPOSTORS) -> tuple[Integers, NDArray[np.bool_]]:
    """Every pair of rows (n, 2) and whether it is genuine; impostor pairs are drawn when there are too many."""
    genuine = [pair for number in np.unique(people) for pair in combinations(np.flatnonzero(people == number), 2)]
    if len(people) * (len(people) - 1) // 2 <= most_impostors:
        pairs = np.stack(np.triu_indices(len(people), 1), axis=1)
    else:
        drawn = np.random.default_rng(SEED).integers(len(people), size=(most_impostors, 2))
        pairs = np.unique(np.sort(drawn, axis=1), axis=0)
    impostors = pairs[people[pairs[:, 0]] != people[pairs[:, 1]]]
    chosen = np.concatenate([np.array(genuine, np.int64).reshape(-1, 2), impostors])
    return chosen, np.arange(len(chosen)) < len(genuine)


def error_rates(pairs: Pairs, weights: Floats | None = None) -> ErrorRates:
    """Both error rates at every distance that occurs; `weights` (n,) say how often each pair counts."""
    counts = np.ones(len(pairs.distances)) if weights is None else weights
    differs = pairs.distances[1:] != pairs.distances[:-1]
    last = np.append(np.flatnonzero(differs), len(pairs.distances) - 1)  # of equal distances
    genuine = np.cumsum(np.where(pairs.genuine, counts, 0.0))
    impostors = np.cumsum(np.where(pairs.genuine, 0.0, counts))
    return ErrorRates(
        np.concatenate([[-np.inf], pairs.distances[last]]),
        np.concatenate([[0.0], _share(impostors[last], impostors[-1])]),
        np.concatenate([[1.0], 1 - _share(genuine[last], genuine[-1])]),
    )


def _share(part: Floats, whole: float) -> Floats:
    return part / whole if whole else np.full_like(part, np.nan)


def equal_error_rate(rates: ErrorRates) -> float:
    """Where the two rates cross, on the straight line between the two nearest thresholds."""
    after = int(np.argmax(rates.fmr >= rates.fnmr))
    if after == 0:
        return float("nan")  # no genuine or no impostor pairs
    excess_before = rates.fnmr[after - 1] - rates.fmr[after - 1]
    excess_after = rates.fmr[after] - rates.fnmr[after]
    share = excess_before / (excess_before + excess_after)
    return float(rates.fmr[after - 1] + share * (rates.fmr[after] - rates.fmr[after - 1]))


def area_under_curve(rates: ErrorRates) -> float:
    """Of TAR over FMR: the probability that a genuine pair is closer than one of impostors, ties counting half."""
    return float(np.trapezoid(1 - rates.fnmr, rates.fmr))


def tar_at(rates: ErrorRates, false_match_rate: float) -> float:
    """The share of genuine pairs that match when no more than this share of impostor pairs may."""
    return float(1 - rates.fnmr[_last_allowed(rates, false_match_rate)])


def threshold_at(rates: ErrorRates, false_match_rate: float) -> float:
    """A threshold at which no more than this share of impostor pairs match.

    It lies halfway between the largest such distance and the next one, which would be one too many, so that neither
    side depends on the last digit of a single pair.
    """
    allowed = _last_allowed(rates, false_match_rate)
    if allowed == len(rates.thresholds) - 1:
        return float(rates.thresholds[allowed])
    return float((max(rates.thresholds[allowed], 0.0) + rates.thresholds[allowed + 1]) / 2)


def _last_allowed(rates: ErrorRates, false_match_rate: float) -> int:
    return int(np.searchsorted(rates.fmr, false_match_rate * (1 + 1e-9), side="right")) - 1


def errors_at(rates: ErrorRates, threshold: float) -> tuple[float, float]:
    """FMR and FNMR at a threshold."""
    at = int(np.searchsorted(rates.thresholds, threshold, side="right")) - 1
    return float(rates.fmr[at]), float(rates.fnmr[at])


def verify(pairs: Pairs, *, threshold: float, false_match_rates: Sequence[float]) -> Verification:
    """Every figure of one-to-one comparison. Raises ValueError without pairs of both kinds."""
    genuine, impostors = pairs.genuine_count, pairs.impostor_count
    if not genuine or not impostors:
        raise ValueError("There must be pairs of one person and pairs of two people.")
    rates = error_rates(pairs)

    def figures(rates: ErrorRates) -> list[float]:
        fmr, fnmr = errors_at(rates, threshold)
        accuracy = 1 - (fmr * impostors + fnmr * genuine) / (impostors + genuine)
        tars = [tar_at(rates, allowed) for allowed in false_match_rates]
        return [equal_error_rate(rates), area_under_curve(rates), fmr, fnmr, accuracy, *tars]

    resampled = np.array([figures(error_rates(pairs, weights)) for weights in resamples(pairs)])
    trials = len(np.unique(pairs.people[pairs.genuine]))
    eer, auc, fmr, fnmr, accuracy, *tars = [
        estimate(value, resampled[:, column], trials) for column, value in enumerate(figures(rates))
    ]
    points = [
        RateThreshold(allowed, threshold_at(rates, allowed), tar, allowed * impostors)
        for allowed, tar in zip(false_match_rates, tars, strict=True)
    ]
    return Verification(genuine, impostors, eer, auc, threshold, fmr, fnmr, accuracy, points)


def resamples(pairs: Pairs, count: int = RESAMPLES) -> Iterator[Floats]:
    """How often each pair counts when as many people as there are get drawn with replacement.

    A genuine pair counts as often as its person was drawn, an impostor pair as often as its two people meet.
    """
    _, numbers = np.unique(pairs.people, return_inverse=True)
    first, second = numbers.reshape(-1, 2).T
    size = int(numbers.max()) + 1
    for draws in np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), size=count):
        yield np.where(pairs.genuine, draws[first], draws[first] * draws[second]).astype(np.float64)


def estimate(value: float, resampled: Floats, trials: int) -> Estimate:
    """A rate with its interval, by the percentiles of resamples; draws without a pair of one kind are left out."""
    tail = (1 - CONFIDENCE) / 2
    drawn = resampled[~np.isnan(resampled)]
    low, high = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (value, value)
    bound = 1 - tail ** (1 / max(trials, 1))  # no error in that many independent trials
    if value <= 0.0:
        high = max(high, bound)
    if value >= 1.0:
        low = min(low, 1 - bound)
    return Estimate(value, float(min(low, value)), float(max(high, value)))


def by_person(outcomes: NDArray[np.bool_], numbers: Integers) -> Estimate:
    """The mean of the searches' outcomes (n,); the bootstrap draws people (n,) with all their searches."""
    _, people = np.unique(numbers, return_inverse=True)
    size = int(people.max()) + 1
    right, total = np.bincount(people, outcomes), np.bincount(people)
    draws = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), size=RESAMPLES)
    return estimate(float(outcomes.mean()), draws @ right / (draws @ total), size)


def rates_at(pairs: Pairs, threshold: float) -> tuple[Estimate | None, Estimate | None]:
    """FMR and FNMR at a threshold, with intervals by person; None where there is no pair of that kind."""
    cells = 2 * pairs.genuine + (pairs.distances <= threshold)
    values = _both_rates(np.bincount(cells, minlength=4))
    resampled = np.array([_both_rates(np.bincount(cells, weights, minlength=4)) for weights in resamples(pairs)])
    kinds = (~pairs.genuine, pairs.genuine)
    fmr, fnmr = (
        estimate(value, resampled[:, column], len(np.unique(pairs.people[kind]))) if kind.any() else None
        for column, (value, kind) in enumerate(zip(values, kinds, strict=True))
    )
    return fmr, fnmr


def _both_rates(counts: NDArray[Any]) -> tuple[float, float]:
    """FMR and FNMR of these numbers of pairs: of two people apart and within, of one person apart and within."""
    (far, near), (missed, found) = counts.reshape(2, 2).tolist()
    return near / (far + near) if far + near else np.nan, missed / (missed + found) if missed + found else np.nan
