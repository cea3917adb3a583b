"""Which threshold decides, and what a distance means there. Spaces of the fake engine: euclidean at 0.2."""

from __future__ import annotations

import math

import pytest
from django.db import IntegrityError, transaction

from calibration.exceptions import UnusableCalibration
from calibration.models import SpaceCalibration
from calibration.services import operating_point, operating_points, set_calibration
from calibration.types import OperatingPoint
from clients.models import Client
from vision.engines import engines
from vision.types import Space


@pytest.fixture
def space() -> Space:
    return engines["default"].space


@pytest.mark.django_db
def test_the_threshold_that_is_nearest_to_the_call_decides(client_a: Client, space: Space) -> None:
    def chosen(threshold: float | None = None) -> list[float]:
        """For the client, a gallery with a threshold of its own, one without, and one with a zero."""
        galleries = {1: 0.1, 2: None, 3: 0.0}
        own, points = operating_points(client=client_a, space=space, galleries=galleries, threshold=threshold)
        assert own == operating_point(client=client_a, space=space, threshold=threshold)
        return [own.threshold, *(points[gallery].threshold for gallery in galleries)]

    assert space.thresholds["euclidean"] == 0.2
    assert chosen() == [0.2, 0.1, 0.2, 0.2]
    set_calibration(client=client_a, space="default", threshold=0.05)
    assert chosen() == [0.05, 0.1, 0.05, 0.05]
    assert chosen(threshold=0.3) == [0.3, 0.3, 0.3, 0.3]
    assert chosen(threshold=0.0) == chosen()


@pytest.mark.django_db
def test_zero_is_no_threshold(client_a: Client, space: Space) -> None:
    set_calibration(client=client_a, space="default", threshold=0.05)
    assert operating_point(client=client_a, space=space, threshold=0.0).threshold == 0.05


@pytest.mark.django_db
def test_a_calibration_holds_in_its_own_metric_only(client_a: Client, space: Space) -> None:
    set_calibration(client=client_a, space="default", threshold=0.05)
    assert operating_point(client=client_a, space=space) == OperatingPoint("euclidean", 0.05)
    assert operating_point(client=client_a, space=space, metric="euclidean") == OperatingPoint("euclidean", 0.05)
    cosine, points = operating_points(client=client_a, space=space, metric="cosine", galleries={1: 0.1})
    assert cosine == points[1] == OperatingPoint("cosine", 0.02)
    chosen = operating_point(client=client_a, space=space, metric="cosine", threshold=0.07)
    assert chosen == OperatingPoint("cosine", 0.07)


@pytest.mark.django_db
def test_a_calibration_holds_for_its_client_and_space_only(client_a: Client, client_b: Client, space: Space) -> None:
    set_calibration(client=client_a, space="default", threshold=0.05)
    set_calibration(client=client_b, space=space.name, threshold=0.3)
    other = Space("other", "Other", 4, "euclidean", {"euclidean": 0.7})
    assert operating_point(client=client_a, space=space).threshold == 0.05
    assert operating_point(client=client_b, space=space).threshold == 0.3
    assert operating_point(client=client_a, space=other).threshold == 0.7


@pytest.mark.django_db
def test_setting_a_calibration_again_replaces_it(client_a: Client, space: Space) -> None:
    set_calibration(client=client_a, space="default", threshold=0.05, false_match_rate=0.001)
    set_calibration(client=client_a, space=space.name, threshold=0.06, note="second")
    stored = SpaceCalibration.objects.get()
    assert (stored.metric, stored.threshold, stored.false_match_rate, stored.note) == (
        "euclidean",
        0.06,
        None,
        "second",
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"space": "unknown"},
        *({"threshold": value} for value in (0.0, -0.1, math.nan, math.inf, -math.inf)),
        *({"false_match_rate": value} for value in (-0.1, 1.1, math.nan)),
    ],
)
def test_unusable_calibrations_are_refused(client_a: Client, wrong: dict[str, float]) -> None:
    with pytest.raises(UnusableCalibration):
        set_calibration(**{"client": client_a, "space": "default", "threshold": 0.1, **wrong})  # type: ignore[arg-type]
    assert not SpaceCalibration.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("threshold", [0.0, -0.1, math.nan, math.inf])
def test_no_row_holds_a_damaged_threshold(client_a: Client, space: Space, threshold: float) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SpaceCalibration.objects.create(client=client_a, space=space.name, metric="euclidean", threshold=threshold)


@pytest.mark.parametrize("threshold", [0.0, -0.1, math.nan, math.inf])
def test_an_operating_point_has_a_usable_threshold(threshold: float) -> None:
    with pytest.raises(ValueError, match="finite number above 0"):
        OperatingPoint("euclidean", threshold)


def test_distances_become_comparisons_with_their_margins() -> None:
    point = OperatingPoint("euclidean", 0.5)
    near, at, far = point.compare([0.25, 0.5, 1.0])
    assert (near.matches, at.matches, far.matches) == (True, True, False)
    assert [near.similarity, at.similarity] == pytest.approx([0.85, 0.7])
    assert near.margin == pytest.approx(0.15) and at.margin == pytest.approx(-0.15)
    assert far.margin == pytest.approx(far.similarity - near.similarity)
    assert point.similarity(0.5) == at.similarity and at.threshold == 0.5
    assert point.compare([0.25])[0].margin is None and point.compare([]) == []


def test_a_vector_without_direction_matches_nobody() -> None:
    (comparison,) = OperatingPoint("cosine", 0.5).compare([math.nan])
    assert not comparison.matches and comparison.similarity == 0
