"""The operating point of a client: which distance still counts as the same person."""

from __future__ import annotations

import math
from collections.abc import Iterable

from clients.models import Client
from people.exceptions import UnusableValue
from people.models import SpaceCalibration
from people.types import Comparison
from vision.engines import DEFAULT, engines
from vision.similarity import similarity
from vision.types import Space


def threshold_of(*, client: Client, space_alias: str = DEFAULT) -> float:
    """The largest distance, in the space's metric, that counts as the same person: the client's own calibration
    where there is one, else the space's.
    """
    space = engines[space_alias].space
    stored = SpaceCalibration.objects.of_client(client).filter(space=space.name, metric=space.metric)
    threshold = stored.values_list("threshold", flat=True).first()
    return space.thresholds[space.metric] if threshold is None else threshold


def set_calibration(
    *, client: Client, space: str, threshold: float, false_match_rate: float | None = None, note: str = ""
) -> SpaceCalibration:
    """Store the threshold of a client for a space (by its name or its engine's alias), in the space's own metric.

    A calibration that exists is replaced. Raises `UnusableValue`.
    """
    found = _space_named(space)
    if not (math.isfinite(threshold) and threshold > 0):
        raise UnusableValue("The threshold must be a finite number above 0.")
    if false_match_rate is not None and not 0 <= false_match_rate <= 1:
        raise UnusableValue("The false match rate must lie between 0 and 1.")
    fields = {"metric": found.metric, "threshold": threshold, "false_match_rate": false_match_rate, "note": note}
    stored, _ = SpaceCalibration.objects.update_or_create(client=client, space=found.name, defaults=fields)
    return stored


def _space_named(name: str) -> Space:
    for alias, space in engines.spaces().items():
        if name in (alias, space.name):
            return space
    raise UnusableValue("There is no such space here.")


def comparisons(*, distances: Iterable[float], space: Space, threshold: float) -> list[Comparison]:
    """Distances of rival candidates as comparisons, each with its margin to the best of the others."""
    known = [(gap, similarity(distance=gap, metric=space.metric, threshold=threshold)) for gap in distances]
    return [
        Comparison(gap, score, threshold, score - max(others) if (others := _without(known, index)) else None)
        for index, (gap, score) in enumerate(known)
    ]


def _without(known: list[tuple[float, float]], index: int) -> list[float]:
    return [score for place, (_, score) in enumerate(known) if place != index]
