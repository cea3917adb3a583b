"""Counts how far apart strangers are: the tables of false match rates that decisions are made by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation import projection
from evaluation.projection import Array, Described
from evaluation.rates import RESAMPLES, SEED, Estimate, estimate
from vision.distances import distance_matrix
from vision.engines.spaces import DLIB, space_of

ROWS_PER_FACTOR = 4  # rows for each factor of ten of the rate
FEWEST = 10  # pairs behind a row
# Of ten: rates below 1e-4 are those that the number of pairs can rule out, not those that it suggests.
FACTORS_COUNTED = 4
DOUBT = 0.05  # the chance that so few pairs are seen at the rate that is ruled out, or at a greater one

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Strangers:
    """All pairs of faces of two people: `distances` (n,) rising, and the numbers of both people (n, 2).

    `photographs` (people,): how many each person has.
    """

    distances: Floats
    people: Integers
    photographs: Integers

    def within(self, distance: float) -> Estimate:
        """The share of pairs at this distance or less, with its interval: people are drawn anew, not pairs."""
        count = int(np.searchsorted(self.distances, distance, "right"))
        first, second = self.people[:count].T
        size = len(self.photographs)
        shares = np.empty(RESAMPLES)
        draws = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), size=RESAMPLES)
        for place, drawn in enumerate(draws):
            weights = (drawn * self.photographs).astype(np.float64)
            pairs = (weights.sum() ** 2 - (weights**2).sum()) / 2
            shares[place] = (drawn[first] * drawn[second]).sum() / pairs
        return estimate(count / len(self.distances), shares, size)


def strangers_of(vectors: NDArray[Any], people: NDArray[Any], *, metric: str) -> Strangers:
    """The pairs of two people among faces with these vectors (n, dimensions) and numbers of people (n,)."""
    _, numbers, photographs = np.unique(people, return_inverse=True, return_counts=True)
    first, second = np.triu_indices(len(numbers), 1)
    others = numbers[first] != numbers[second]
    first, second = first[others], second[others]
    distances = distance_matrix(vectors, vectors, metric=metric)[first, second]
    order = np.argsort(distances)
    return Strangers(distances[order], np.stack([numbers[first], numbers[second]], axis=1)[order], photographs)


def rows_of(distances: Floats, *, largest: float) -> list[dict[str, float]]:
    """The table of rising distances of strangers: rates in even steps, down to the last with `FEWEST` pairs or more.

    Each row has a distance, the rate, and how many pairs lie within the distance. The last one is the largest distance
    that can occur, within which all do. Rates below 1e-4 are upper bounds, so that what searches rely on errs on the
    safe side where few pairs were seen.
    """
    count = len(distances)
    rows = [{"distance": round(largest, 4), "rate": 1.0, "pairs": count}]
    for step in range(1, 100):
        pairs = round(count * 10 ** -(step / ROWS_PER_FACTOR))
        if pairs < FEWEST:
            break
        halfway = float(distances[pairs - 1 : pairs + 1].mean())  # between the last pair within and the first beyond
        counted = step <= FACTORS_COUNTED * ROWS_PER_FACTOR
        rate = (pairs if counted else upper_bound(pairs)) / count
        rows.append({"distance": round(halfway, 5), "rate": float(f"{rate:.4g}"), "pairs": pairs})
    return rows[::-1]


def upper_bound(events: int) -> float:
    """The expected number of rare events with which as few as these have a chance of `DOUBT` (Poisson)."""
    low, high = float(events), 10.0 * (events + 1)
    for _ in range(60):
        middle = (low + high) / 2
        chance = sum(math.exp(n * math.log(middle) - middle - math.lgamma(n + 1)) for n in range(events + 1))
        low, high = (middle, high) if chance > DOUBT else (low, middle)
    return high


def largest_distance(vectors: NDArray[Any], *, metric: str) -> float:
    """The largest distance that can occur between vectors of these lengths: that of opposite ones."""
    if metric == "cosine":
        return 2.0
    return 2 * float(np.linalg.norm(vectors, axis=1).max())


def metrics_of(model: str) -> tuple[str, ...]:
    """The metrics that are measured; others follow from them (`calibration.tables`)."""
    return ("euclidean", "cosine") if model == DLIB else ("cosine",)


def vectors_of(model: str, found: Described, matrix: Array) -> Array:
    return projection.project(found.both, matrix) if model == "pair128" else found.vectors[model]


def content_of(model: str, found: Described, matrix: Array) -> dict[str, Any]:
    """The file of a model's tables; `matrix` is the projection of `pair128`."""
    vectors = vectors_of(model, found, matrix)
    rows = {
        metric: rows_of(
            strangers_of(vectors, found.people, metric=metric).distances,
            largest=largest_distance(vectors, metric=metric),
        )
        for metric in metrics_of(model)
    }
    return {
        "space": space_of(model).name,
        "unit_length": model != DLIB,
        "photographs": len(found.people),
        "people": len(np.unique(found.people)),
        "metrics": rows,
    }
