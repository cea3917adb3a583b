"""What `manage.py fit_projection` computes, without networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from evaluation import projection
from evaluation.projection import Described
from vision.engines.onnx import fitted


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def described() -> Described:
    """Three noisy vectors of each of 60 people in a space of 40 dimensions."""
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(60), 3)
    hidden = random.normal(size=(60, 40))[people] + 0.3 * random.normal(size=(180, 40))
    vectors = {name: unit(hidden @ random.normal(size=(40, size))) for name, size in
               (("fr512", 512), ("mobilefacenet192", 192))}  # fmt: skip
    return Described(vectors, random.uniform(2, 4, 180), people, [], np.arange(180))


def test_a_projection_keeps_what_the_vectors_say(described: Described) -> None:
    first, second = described.halves()
    assert not set(first.people) & set(second.people)
    matrix = projection.fit(described.both)
    assert matrix.shape == (704, 128) and matrix.dtype == np.float32
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(128), atol=1e-5)
    whole, projected = unit(described.both), projection.project(described.both, matrix)
    np.testing.assert_allclose(projected @ projected.T, whole @ whole.T, atol=1e-5)
    assert projection.measure(projected, described.people).true_accept == [1.0, 1.0]


def test_rates_are_counted_over_every_pair(described: Described) -> None:
    rates = projection.measure(described.vectors["fr512"], described.people)
    assert (rates.genuine, rates.impostor) == (180, 180 * 179 // 2 - 180)
    assert rates.thresholds == sorted(rates.thresholds, reverse=True)


def test_the_table_of_lengths_rises(described: Described) -> None:
    lengths, shares = zip(*projection.length_table(described.lengths), strict=True)
    assert list(lengths) == sorted(lengths) and (shares[0], shares[-1]) == (0, 1)


def test_the_projection_of_the_repository_is_orthonormal() -> None:
    matrix = fitted.projection()
    assert matrix.shape == (704, 128)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(128), atol=1e-5)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no photographs"):
        call_command("fit_projection", str(tmp_path))
