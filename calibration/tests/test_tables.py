"""Tables of false match rates: reading them between rows, beyond the last, in other metrics, and when damaged."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from calibration import tables
from calibration.exceptions import DamagedTable
from calibration.services import default_operating_point
from calibration.tables import RateTable, read_tables, table_of
from calibration.tests.measured import ROWS, content
from calibration.tests.measured import measured as measured  # a fixture
from vision.engines import engines
from vision.engines.serving.engine import ServedEngine
from vision.engines.spaces import NATIVE, space_of

TABLE = RateTable(tuple(row[0] for row in ROWS), tuple(row[1] for row in ROWS))


@pytest.mark.parametrize(
    ("distance", "rate"), [(0.2, 1e-4), (0.225, 10**-3.5), (0.35, 0.1), (0.15, 1e-5), (0.1, 1e-6), (0.05, 1e-7)]
)
def test_rates_and_distances_are_inverse(distance: float, rate: float) -> None:
    assert TABLE.rate(distance) == pytest.approx(rate)
    assert TABLE.distance(rate) == pytest.approx(distance)


def test_beyond_the_largest_distance_everybody_matches() -> None:
    assert TABLE.rate(2.0) == TABLE.rate(math.inf) == 1.0
    assert TABLE.distance(1.0) == TABLE.distance(5.0) == 2.0


def test_what_too_few_pairs_show_is_extrapolated() -> None:
    """A table whose rate falls faster and faster: the line stays above it."""
    bent = RateTable((0.2, 0.21, 0.25, 0.3, 0.35, 2.0), (1e-5, 3e-5, 1e-4, 1e-3, 1e-1, 1.0))
    assert bent.is_measured(0.2) and not bent.is_measured(0.199)
    assert bent.rate(0.15) == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("distances", "rates"),
    [
        ((0.1, 0.2), (0.1, 1.0)),
        ((0.1, 0.2, 0.2), (1e-4, 1e-2, 1.0)),
        ((0.1, 0.2, 0.3), (1e-4, 1e-5, 1.0)),
        ((0.0, 0.2, 0.3), (1e-4, 1e-2, 1.0)),
        ((0.1, 0.2, 0.3), (0.0, 1e-2, 1.0)),
        ((0.1, 0.2, 0.3), (1e-4, 1e-2, 1.1)),
        ((0.1, 0.2, math.nan), (1e-4, 1e-2, 1.0)),
        ((0.1, 0.2, math.inf), (1e-4, 1e-2, 1.0)),
        ((0.1, 0.2, 0.3), (1e-4, 1e-3, 1e-2)),  # no rate of 0.1
        ((0.01, 0.2, 0.3), (1e-4, 1e-2, 1.0)),  # no distance for 1e-6
        ((0.1, 0.2, 0.3, 0.4), (1e-4, 1e-2, 1.0)),
    ],
)
def test_tables_that_no_decision_can_be_made_by_are_refused(distances: Any, rates: Any) -> None:
    with pytest.raises(DamagedTable):
        RateTable(distances, rates)


@pytest.mark.parametrize(
    "damaged", [b"", b"[]", b"{}", b'{"space": 1, "metrics": {}}', b'{"space": "x", "metrics": []}', b"\xff"]
)
def test_a_file_that_cannot_be_read_is_named(measured: Path, damaged: bytes) -> None:
    measured.write_bytes(damaged)
    with pytest.raises(DamagedTable, match=r"fake\.json"):
        table_of(engines["default"].space, "euclidean")


@pytest.mark.parametrize("row", [{"distance": 0.1}, {"distance": "far", "rate": 1e-9}, [0.1, 1e-9], None])
def test_a_damaged_row_is_refused(measured: Path, row: Any) -> None:
    changed = content()
    changed["metrics"]["euclidean"].insert(0, row)
    measured.write_text(json.dumps(changed))
    with pytest.raises(DamagedTable, match=r"fake\.json is damaged"):
        table_of(engines["default"].space, "euclidean")


def test_spaces_and_metrics_without_a_table_have_none(measured: Path) -> None:
    space = engines["default"].space
    assert table_of(space, "euclidean") == TABLE
    assert table_of(space, "cosine") is None
    assert table_of(space_of("Facenet"), "cosine") is None


def test_directional_metrics_follow_from_the_cosine() -> None:
    rows = [{"distance": d, "rate": r, "pairs": 1} for d, r in ((0.4, 1e-4), (0.5, 1e-3), (0.7, 1e-1), (2.0, 1.0))]
    found = read_tables({"metrics": {"cosine": rows}, "unit_length": True}, "x")
    assert found["euclidean"] == found["euclidean_l2"]
    for metric, same in (("euclidean_l2", math.sqrt(2 * 0.5)), ("angular", math.acos(0.5) / math.pi)):
        assert found[metric].rate(same) == pytest.approx(1e-3)
    assert found["euclidean"].largest == 2.0 and found["angular"].largest == 1.0
    assert "euclidean" not in read_tables({"metrics": {"cosine": rows}, "unit_length": False}, "x")


@pytest.mark.parametrize("model", [*NATIVE, "Dlib"])
def test_native_spaces_ship_a_measured_table(model: str) -> None:
    """Counted pairs support rates down to 1e-4 at least, and the metric that decides has a table."""
    space = space_of(model)
    table = table_of(space, space.metric)
    assert table is not None and table.is_measured(table.distance(1e-4))
    file = tables.read_file(tables.FOLDER / f"{model}.json")
    for rows in file["metrics"].values():
        total = rows[-1]["pairs"]
        assert all(row["pairs"] >= 10 for row in rows)
        for row in rows:
            if row["rate"] > 0.99e-4:  # whole pairs cannot make 1e-4 exactly
                assert row["rate"] == pytest.approx(row["pairs"] / total, rel=1e-3)
            else:
                assert row["pairs"] / total < row["rate"] < 2 * row["pairs"] / total


def test_a_described_network_has_no_table_and_says_so(settings: Settings) -> None:
    """Where its servers run one of our own models, that model's table holds."""
    entry = {"preset": "insightface", "file": "a.onnx", "sha256": "a" * 64, "threshold": 0.6, "licence": "MIT",
             "source": "a test"}  # fmt: skip
    servers = {"endpoints": ["grpc://tf:8500"]}
    settings.NETWORKS = {"auraface": entry, "pair128": {"serving": servers}}
    point = default_operating_point(space=space_of("auraface"), people=1000)
    assert (point.threshold, point.false_match_rate, point.false_alarm_rate) == (0.6, None, None)
    assert point.stranger_rate(0.4) is None and point.similarity(0.6) == pytest.approx(0.7)
    served = ServedEngine(model="pair128").space
    assert served == space_of("pair128")
    assert default_operating_point(space=served, people=1000).false_alarm_rate == pytest.approx(0.01, rel=0.05)
