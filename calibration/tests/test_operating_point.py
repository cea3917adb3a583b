"""Which threshold decides, and what a distance means there. Spaces of the fake engine: euclidean at 0.2."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from pytest_django.fixtures import Settings

from calibration.exceptions import UnusableCalibration
from calibration.models import SpaceCalibration
from calibration.services import operating_point, operating_points, set_calibration
from calibration.tests.measured import measured as measured  # a fixture
from calibration.types import OperatingPoint, Rules, Targets
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
        galleries = {1: Rules(0.1), 2: Rules(), 3: Rules(0.0)}
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
    own = operating_point(client=client_a, space=space)
    assert (own.metric, own.threshold) == ("euclidean", 0.05)
    assert operating_point(client=client_a, space=space, metric="euclidean") == own
    cosine, points = operating_points(client=client_a, space=space, metric="cosine", galleries={1: Rules(0.1)})
    assert cosine == points[1] and (cosine.metric, cosine.threshold) == ("cosine", 0.02)
    chosen = operating_point(client=client_a, space=space, metric="cosine", threshold=0.07)
    assert (chosen.metric, chosen.threshold) == ("cosine", 0.07)


@pytest.mark.django_db
def test_a_calibration_holds_for_its_client_and_space_only(client_a: Client, client_b: Client, space: Space) -> None:
    set_calibration(client=client_a, space="default", threshold=0.05)
    set_calibration(client=client_b, space=space.name, threshold=0.3)
    other = Space("other", "Other", 4, "euclidean", {"euclidean": 0.7})
    assert operating_point(client=client_a, space=space).threshold == 0.05
    assert operating_point(client=client_b, space=space).threshold == 0.3
    assert operating_point(client=client_a, space=other).threshold == 0.7


@pytest.mark.django_db
def test_without_a_table_no_rate_is_known(client_a: Client, space: Space) -> None:
    """However many people there are, the published threshold holds; a calibration may say more."""
    few, many = (operating_point(client=client_a, space=space, people=people) for people in (1, 100_000))
    assert few.threshold == many.threshold == 0.2
    assert few.false_match_rate is few.false_alarm_rate is many.false_alarm_rate is None
    set_calibration(client=client_a, space="default", threshold=0.05, false_match_rate=0.001)
    own = operating_point(client=client_a, space=space, people=10)
    assert own.false_match_rate == 0.001 and own.false_alarm_rate == pytest.approx(0.01, rel=0.01)
    assert operating_point(client=client_a, space=space, threshold=0.06).false_match_rate is None


# ---- by the measured table --------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("people", "rate"), [(0, 1e-4), (1, 1e-4), (99, 1e-4), (100, 1e-4), (1000, 1e-5), (10_000, 1e-6), (10**6, 1e-8)]
)
def test_the_stricter_of_both_targets_holds(
    client_a: Client, space: Space, measured: Path, people: int, rate: float
) -> None:
    point = operating_point(client=client_a, space=space, people=people)
    assert point.false_match_rate == pytest.approx(rate)
    assert point.false_alarm_rate is not None and point.false_alarm_rate <= 0.01 + 1e-9
    assert point.extrapolated == (rate < 1e-5)
    assert point.similarity(0.2) == pytest.approx(0.7)  # whatever the gallery
    assert point.people == people


@pytest.mark.django_db
def test_targets_of_gallery_client_and_deployment(
    client_a: Client, space: Space, measured: Path, settings: Settings
) -> None:
    galleries = {1: Rules(targets=Targets(fpir_per_thousand=100)), 2: Rules(), 3: Rules(0.12)}

    def distances() -> list[float]:
        point, points = operating_points(client=client_a, space=space, galleries=galleries, people=1000)
        return [round(one.threshold, 9) for one in (point, *points.values())]

    assert distances() == [0.15, 0.2, 0.15, 0.12]
    settings.FPIR_PER_THOUSAND = 1
    assert distances() == [0.1, 0.2, 0.1, 0.12]
    client_a.fpir_per_thousand = 1000 * 1e-4
    assert distances() == [0.05, 0.2, 0.05, 0.12]
    client_a.fpir_per_thousand = 999
    client_a.fmr_per_million = 10
    assert distances() == [0.15, 0.15, 0.15, 0.12]
    galleries[1] = Rules(targets=Targets(fmr_per_million=1))
    assert distances() == [0.15, 0.1, 0.15, 0.12]


@pytest.mark.django_db
def test_a_threshold_is_answered_with_the_rate_that_it_means(client_a: Client, space: Space, measured: Path) -> None:
    point = operating_point(client=client_a, space=space, threshold=0.3, people=100)
    assert (point.threshold, point.false_match_rate) == (0.3, pytest.approx(0.01))
    assert point.false_alarm_rate == pytest.approx(1 - 0.99**100)
    everybody = operating_point(client=client_a, space=space, threshold=5.0, people=3)
    assert everybody.false_match_rate == everybody.false_alarm_rate == 1.0


@pytest.mark.django_db
def test_faces_near_the_threshold_are_for_review(client_a: Client, space: Space, measured: Path) -> None:
    client_a.review_fpir_per_thousand = 100  # ten times as many as may raise an alarm
    point = operating_point(client=client_a, space=space, people=1000)
    assert point.reach == pytest.approx(0.2)
    said = [comparison.decision.value for comparison in point.compare([0.15, 0.151, 0.1999, 0.201, math.nan])]
    assert said == ["match", "review", "review", "no_match", "no_match"]
    assert operating_point(client=client_a, space=space, threshold=0.15).reach == 0.15
    client_a.review_fpir_per_thousand = 5
    assert operating_point(client=client_a, space=space, people=1000).reach == pytest.approx(0.15)


@pytest.mark.django_db
def test_a_calibration_takes_the_place_of_the_table(client_a: Client, space: Space, measured: Path) -> None:
    """It is the one-to-one point of the client, and searches of many people stay as much stricter as elsewhere."""
    set_calibration(client=client_a, space="default", threshold=0.1)
    alone, among = (operating_point(client=client_a, space=space, people=people) for people in (1, 1000))
    assert alone.threshold == 0.1 and alone.false_match_rate == pytest.approx(1e-4)
    assert alone.similarity(0.1) == among.similarity(0.1) == pytest.approx(0.7)
    assert among.threshold == pytest.approx(0.075) and among.false_match_rate == pytest.approx(1e-5)
    set_calibration(client=client_a, space="default", threshold=0.1, false_match_rate=1e-3)
    alone, among = (operating_point(client=client_a, space=space, people=people) for people in (1, 1000))
    assert alone.threshold == 0.1 and alone.false_match_rate == pytest.approx(1e-3)
    assert among.threshold == pytest.approx(0.05) and among.false_match_rate == pytest.approx(1e-5)


@pytest.mark.django_db
def test_targets_that_no_distance_meets_leave_a_usable_threshold(
    client_a: Client, space: Space, measured: Path
) -> None:
    client_a.fpir_per_thousand = 1e-9
    point = operating_point(client=client_a, space=space, people=10**9)
    assert 0 < point.threshold < 1e-3 and point.extrapolated


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
