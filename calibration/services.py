"""The operating point of a client: up to which distance two faces count as the same person."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from django.conf import settings

from calibration.counting import how_many as how_many
from calibration.exceptions import UnusableCalibration
from calibration.models import SpaceCalibration
from calibration.rates import ONE_TO_ONE_RATE, CalibratedThreshold, MeasuredRates, PublishedThreshold, Rates
from calibration.tables import FOLDER, RateTable, table_of
from calibration.tables import read_tables as read_tables
from calibration.types import OperatingPoint, Rules, Targets
from clients.models import Client
from vision.engines import engines
from vision.types import Space


def operating_point(
    *,
    client: Client,
    space: Space,
    metric: str | None = None,
    threshold: float | None = None,
    people: int = 1,
) -> OperatingPoint:
    """Where the line between one person and two lies for this client, in `metric` (None: the space's own).

    `people`: among how many a search decides, all galleries together; 1 for a comparison. The first of these that is
    set decides: `threshold`, which the call names; the targets of the client and the deployment, by the space's
    measured table; the threshold that the space ships with. A calibration of the client takes the table's place. None
    and 0 mean not set.

    Raises ValueError for a threshold that is negative or not finite, and `DamagedTable`.
    """
    rates, targets = _rates(client, space, metric or space.metric), targets_of(client)
    return rates.point(threshold=threshold, targets=targets, people=people)


def operating_points(
    *,
    client: Client,
    space: Space,
    galleries: Mapping[int, Rules],
    metric: str | None = None,
    threshold: float | None = None,
    people: int = 1,
) -> tuple[OperatingPoint, dict[int, OperatingPoint]]:
    """`operating_point` for the client, and for each of its galleries by id, which are searched together.

    `galleries` holds what galleries have of their own. Their thresholds are in the space's own metric; they come after
    the call's `threshold` and before targets.
    """
    rates, targets = _rates(client, space, metric or space.metric), targets_of(client)
    points = {}
    for gallery, rules in galleries.items():
        own = rules.threshold if rates.metric == space.metric else None
        points[gallery] = rates.point(
            threshold=threshold or own, targets=rules.targets.completed(targets), people=people
        )
    return rates.point(threshold=threshold, targets=targets, people=people), points


def default_operating_point(*, space: Space, metric: str | None = None, people: int = 1) -> OperatingPoint:
    """The deployment's own point in a space, in `metric` (None: the space's own), among so many people."""
    metric = metric or space.metric
    table = table_of(space, metric)
    rates: Rates = MeasuredRates(metric, table) if table else _published(space, metric)
    return rates.point(threshold=None, targets=deployment_targets(), people=people)


def point_of_table(*, table: RateTable, metric: str, people: int) -> OperatingPoint:
    """Where the deployment's targets are kept among so many people, if this table holds."""
    return MeasuredRates(metric, table).point(threshold=None, targets=deployment_targets(), people=people)


def deployment_targets() -> Targets:
    """How many errors the settings allow."""
    return Targets(settings.FPIR_PER_THOUSAND, settings.FMR_PER_MILLION, settings.REVIEW_FPIR_PER_THOUSAND)


def targets_of(client: Client) -> Targets:
    """How many errors a client allows, completed by the settings."""
    return Targets.of(client).completed(deployment_targets())


def _rates(client: Client, space: Space, metric: str) -> Rates:
    """What holds for a client: its calibration, if it has one in this metric, or the space's table or threshold."""
    own = SpaceCalibration.objects.of_client(client).filter(space=space.name, metric=metric).first()
    table = table_of(space, metric)
    if table is None:
        return PublishedThreshold(metric, own.threshold, own.false_match_rate) if own else _published(space, metric)
    calibrated = CalibratedThreshold(own.threshold, own.false_match_rate or ONE_TO_ONE_RATE) if own else None
    return MeasuredRates(metric, table, calibrated)


def _published(space: Space, metric: str) -> PublishedThreshold:
    return PublishedThreshold(metric, space.thresholds[metric])


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


def store_table(*, name: str, text: str) -> None:
    """Replace the file of measured rates of a model. Raises `DamagedTable` for one that cannot be used."""
    read_tables(json.loads(text), name)
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
