"""Measured tables: which share of strangers' pairs lies within a distance, by space and metric. Pure arithmetic.

The files in `calibration/tables/` are data of this project, written by `manage.py fit_rates` from labelled photographs.
Rates from 1e-4 on are shares that were counted. Smaller ones are upper bounds: the rates that so few pairs rule out.
Below the first row, where too few pairs were left, the rate is extrapolated along a straight line through its
logarithm, with the slope of the half factor of ten above it. The logarithm of a rate falls ever more steeply as
distances shrink, and bounds fall more slowly than what was counted, so that distances read from the line are on the
safe side.
"""

from __future__ import annotations

import bisect
import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from calibration.exceptions import DamagedTable
from vision.types import Space

FOLDER = Path(__file__).with_name("tables")
SCALE_RATES = (1e-6, 1e-1)  # the rates that the similarity scale hangs on; see `calibration.similarity`
# The directional metrics as functions of the cosine distance.
OF_COSINE: dict[str, Callable[[float], float]] = {
    "euclidean_l2": lambda cosine: math.sqrt(2 * cosine),
    "angular": lambda cosine: math.acos(1 - min(cosine, 2.0)) / math.pi,
}


@dataclass(frozen=True)
class RateTable:
    """False match rates (0 to 1) by distance, both rising; the last row is the largest distance that can occur.

    Raises `DamagedTable` unless the rows are usable.
    """

    distances: tuple[float, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        values = (*self.distances, *self.rates)
        rising = all(low < high for column in (self.distances, self.rates) for low, high in itertools.pairwise(column))
        if not (len(self.distances) == len(self.rates) >= 3 and all(map(math.isfinite, values)) and rising):
            raise DamagedTable("The rows of a table are finite numbers that rise.")
        if not (self.distances[0] > 0 and self.rates[0] > 0 and self.rates[-1] <= 1):
            raise DamagedTable("Distances of a table lie above 0 and rates from 0 to 1.")
        if self.distance(SCALE_RATES[0]) <= 0 or self.rates[-1] <= SCALE_RATES[1]:
            raise DamagedTable("A table spans the rates from 1e-6 to 0.1.")

    @property
    def largest(self) -> float:
        """The largest distance that can occur."""
        return self.distances[-1]

    def rate(self, distance: float) -> float:
        """The share of strangers' pairs at this distance or less."""
        if distance >= self.largest:
            return self.rates[-1]
        if distance < self.distances[0]:
            return float(10 ** (self._logs[0] + self._slope * (distance - self.distances[0])))
        place = min(bisect.bisect_right(self.distances, distance), len(self.distances) - 1)
        return float(10 ** _between(distance, self.distances, self._logs, place))

    def distance(self, rate: float) -> float:
        """The distance with this rate; below 0 for rates that no distance has. `rate` must be above 0."""
        if rate >= self.rates[-1]:
            return self.largest
        log = math.log10(rate)
        if log < self._logs[0]:
            return self.distances[0] + (log - self._logs[0]) / self._slope
        place = min(bisect.bisect_right(self._logs, log), len(self._logs) - 1)
        return _between(log, self._logs, self.distances, place)

    def is_measured(self, distance: float) -> bool:
        """Whether enough pairs were counted within this distance; otherwise its rate is extrapolated."""
        return distance >= self.distances[0]

    def stretched(self, factor: float) -> RateTable:
        """The table with every distance multiplied."""
        return replace(self, distances=tuple(distance * factor for distance in self.distances))

    @cached_property
    def _logs(self) -> tuple[float, ...]:
        return tuple(math.log10(rate) for rate in self.rates)

    @cached_property
    def _slope(self) -> float:
        """Factors of ten of the rate per unit of distance, over the first rows that span half a factor of ten."""
        other = next(i for i, log in enumerate(self._logs) if log >= self._logs[0] + 0.5)
        return (self._logs[other] - self._logs[0]) / (self.distances[other] - self.distances[0])


def _between(x: float, xs: tuple[float, ...], ys: tuple[float, ...], place: int) -> float:
    """Linear interpolation between the points before `place` and at it."""
    share = (x - xs[place - 1]) / (xs[place] - xs[place - 1])
    return ys[place - 1] + share * (ys[place] - ys[place - 1])


def table_of(space: Space, metric: str) -> RateTable | None:
    """The table of a space in a metric; None where nothing was measured. Raises `DamagedTable`."""
    return _tables(space.name, FOLDER).get(metric)


@lru_cache(maxsize=64)
def _tables(space: str, folder: Path) -> Mapping[str, RateTable]:
    for path in sorted(folder.glob("*.json")):
        content = read_file(path)
        if content["space"] == space:
            return read_tables(content, path.name)
    return {}


def read_file(path: Path) -> dict[str, Any]:
    """The content of a table's file. Raises `DamagedTable`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content["space"], str) or not isinstance(content["metrics"], dict):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedTable(f"The table {path.name} cannot be read.") from error
    return dict(content)


def read_tables(content: Mapping[str, Any], name: str) -> dict[str, RateTable]:
    """The tables of a file by metric, with those of other metrics that follow from them. Raises `DamagedTable`."""
    tables: dict[str, RateTable] = {}
    try:
        for metric, rows in content["metrics"].items():
            tables[metric] = RateTable(
                tuple(float(row["distance"]) for row in rows), tuple(float(row["rate"]) for row in rows)
            )
    except (DamagedTable, KeyError, TypeError, ValueError) as error:
        reason = error.message if isinstance(error, DamagedTable) else "A row lacks a number."
        raise DamagedTable(f"The table {name} is damaged. {reason}") from error
    if cosine := tables.get("cosine"):
        for metric, convert in OF_COSINE.items():
            tables.setdefault(metric, replace(cosine, distances=tuple(map(convert, cosine.distances))))
        if content.get("unit_length"):
            tables.setdefault("euclidean", tables["euclidean_l2"])
    return tables
