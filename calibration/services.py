"""The operating point of a client: up to which distance two faces count as the same person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from calibration.exceptions import UnusableCalibration
from calibration.models import SpaceCalibration
from calibration.types import OperatingPoint
from clients.models import Client
from vision.engines import engines
from vision.types import Space


def operating_point(
    *, client: Client, space: Space, metric: str | None = None, threshold: float | None = None
) -> OperatingPoint:
    """Where the line between one person and two lies for this client, in `metric` (None: the space's own).

    The first of these that is set decides: `threshold`, which the call names; the client's calibration, if it is in
    `metric`; the threshold that the space ships with. None and 0 mean not set.

    Raises ValueError for a threshold that is negative or not finite.
    """
    metric = metric or space.metric
    threshold = threshold or SpaceCalibration.objects.of_client(client).threshold_in(space.name, metric)
    return OperatingPoint(metric, threshold) if threshold else default_operating_point(space=space, metric=metric)


def operating_points(
    *,
    client: Client,
    space: Space,
    galleries: Mapping[int, float | None],
    metric: str | None = None,
    threshold: float | None = None,
) -> tuple[OperatingPoint, dict[int, OperatingPoint]]:
    """`operating_point` for the client, and for each of its galleries by id.

    `galleries` holds the thresholds that galleries have of their own, in the space's own metric; None and 0 mean not
    set. They come after the call's `threshold` and before the client's calibration.
    """
    point = operating_point(client=client, space=space, metric=metric, threshold=threshold)
    if threshold or point.metric != space.metric:
        return point, dict.fromkeys(galleries, point)
    return point, {gallery: replace(point, threshold=own) if own else point for gallery, own in galleries.items()}


def default_operating_point(*, space: Space, metric: str | None = None) -> OperatingPoint:
    """The operating point that the space ships with, in `metric` (None: the space's own)."""
    metric = metric or space.metric
    return OperatingPoint(metric, space.thresholds[metric])


def set_calibration(
    *, client: Client, space: str, threshold: float, false_match_rate: float | None = None, note: str = ""
) -> SpaceCalibration:
    """Store the threshold of a client for a space (by its name or its engine's alias), in the space's own metric.

    An existing calibration is replaced. Raises `UnusableCalibration`.
    """
    found = next((own for alias, own in engines.spaces().items() if space in (alias, own.name)), None)
    if found is None:
        raise UnusableCalibration("There is no such space here.")
    if not (math.isfinite(threshold) and threshold > 0):
        raise UnusableCalibration("The threshold must be a finite number above 0.")
    if false_match_rate is not None and not 0 <= false_match_rate <= 1:
        raise UnusableCalibration("The false match rate must lie between 0 and 1.")
    fields = {"metric": found.metric, "threshold": threshold, "false_match_rate": false_match_rate, "note": note}
    stored, _ = SpaceCalibration.objects.update_or_create(client=client, space=found.name, defaults=fields)
    return stored
