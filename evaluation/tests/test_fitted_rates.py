"""Counting how far apart strangers are."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from calibration import services
from calibration.tables import read_tables
from evaluation import projection
from evaluation.fitted_rates import FEWEST, content_of, largest_distance, rows_of, strangers_of, upper_bound
from evaluation.management.commands.fit_rates import as_text
from evaluation.projection import Described


@pytest.fixture
def found() -> Described:
    """Random unit vectors of 60 people with three photographs each."""
    random = np.random.default_rng(1)
    vectors = {}
    for name, dimensions in (("fr512", 512), ("mobilefacenet192", 192), ("Dlib", 128)):
        own = np.repeat(random.normal(size=(60, dimensions)), 3, axis=0)
        rows = own + random.normal(scale=0.5, size=own.shape)
        vectors[name] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return Described(vectors, np.r_[np.full(177, 3.5), 1.5, 2.0, 2.4], np.repeat(np.arange(60), 3), [], np.arange(180))


def test_pairs_of_one_person_do_not_count() -> None:
    strangers = strangers_of(np.array([[1.0, 0], [1, 0], [0, 1]]), np.array([7, 7, 9]), metric="euclidean")
    assert strangers.distances.tolist() == pytest.approx([2**0.5, 2**0.5])
    assert strangers.photographs.tolist() == [2, 1]


def test_rows_have_the_share_that_was_counted_or_a_bound() -> None:
    distances = np.linspace(0.1, 1, 1_000_000)
    rows = rows_of(distances, largest=2.0)
    assert rows[-1] == {"distance": 2.0, "rate": 1.0, "pairs": 1_000_000}
    assert [row["pairs"] for row in rows] == sorted(row["pairs"] for row in rows) and rows[0]["pairs"] >= FEWEST
    for row in rows[:-1]:
        assert np.searchsorted(distances, row["distance"]) == pytest.approx(row["pairs"], abs=6)
        counted = row["pairs"] / 1_000_000
        expected = counted if counted >= 1e-4 else upper_bound(int(row["pairs"])) / 1_000_000
        assert row["rate"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("events", "bound"), [(0, 2.996), (10, 16.962), (75, 90.89)])
def test_bounds_are_those_of_the_poisson_distribution(events: int, bound: float) -> None:
    assert upper_bound(events) == pytest.approx(bound, abs=0.02)


def test_shares_have_intervals_that_hold_the_truth(found: Described) -> None:
    strangers = strangers_of(found.vectors["Dlib"], found.people, metric="cosine")
    median = strangers.within(float(np.median(strangers.distances)))
    assert median.low < 0.5 < median.high and median.value == pytest.approx(0.5, abs=1e-3)


def test_a_table_that_was_made_can_be_read(found: Described, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usable = found.recognisable()
    assert len(usable.people) == 177
    content = content_of("Dlib", usable, projection.fit(found.both))
    assert (content["photographs"], content["people"]) == (177, 59)
    assert set(read_tables(json.loads(as_text(content)), "x")) == {"euclidean", "cosine", "euclidean_l2", "angular"}
    monkeypatch.setattr(services, "FOLDER", tmp_path)
    services.store_table(name="Dlib", text=as_text(content))
    assert (tmp_path / "Dlib.json").exists()


def test_the_largest_distance_is_that_of_opposite_vectors() -> None:
    vectors = np.array([[3.0, 4.0], [1.0, 0.0]])
    assert (largest_distance(vectors, metric="euclidean"), largest_distance(vectors, metric="cosine")) == (10.0, 2.0)


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no photographs"):
        call_command("fit_rates", str(tmp_path), stdout=StringIO())
