"""One meaning of each distance, whether numpy or PostgreSQL computes it."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from pgvector import HalfVector

from vision.distances import DISTANCES, METRICS, distance, distance_matrix, row_distances

LARGEST = {"cosine": 2.0, "euclidean_l2": 2.0, "angular": 1.0}
# Stored vectors are half precision and pgvector adds up in single precision. The root and the angle of a distance
# near 0 magnify that.
TOLERANCE = {"cosine": 1e-5, "euclidean": 1e-5, "euclidean_l2": 2e-3, "angular": 1e-3}


def vectors(dimensions: int) -> np.ndarray:
    """Random, equal, opposite, nearly equal, very short and very long ones, and zeros, as halfvec stores them."""
    chance = np.random.default_rng(5)
    random = chance.normal(0, 0.1, (40, dimensions))
    one = random[0]
    special = [one, -one, one * 1.01, one + 1e-3, one * 1e-3, one * 1e4, np.zeros(dimensions), np.zeros(dimensions)]
    tiny = np.zeros(dimensions)
    tiny[0] = 6e-8  # the smallest number that half precision knows
    return np.concatenate([random, special, [tiny]]).astype(np.float16).astype(np.float32)


def by_database(rows: np.ndarray, metric: str) -> np.ndarray:
    """The distances (n, n) as queries to the gallery compute them."""
    texts = [HalfVector(row).to_text() for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {DISTANCES[metric]} FROM unnest(%s::halfvec[]) WITH ORDINALITY AS template (embedding, i),
                unnest(%s::halfvec[]) WITH ORDINALITY AS probe (embedding, j) ORDER BY i, j""",
            [texts, texts],
        )
        return np.array([value for (value,) in cursor], np.float64).reshape(len(rows), len(rows))


@pytest.mark.django_db
@pytest.mark.parametrize("dimensions", [4, 128, 512])
@pytest.mark.parametrize("metric", METRICS)
def test_the_database_and_numpy_agree(metric: str, dimensions: int) -> None:
    rows = vectors(dimensions)
    expected = distance_matrix(rows, rows, metric=metric)
    found = by_database(rows, metric)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=TOLERANCE[metric] * (1 + 100 * (metric == "euclidean")))


@pytest.mark.parametrize("metric", METRICS)
def test_matrix_rows_and_pairs_agree(metric: str) -> None:
    rows = vectors(128)
    matrix = distance_matrix(rows[:9], rows, metric=metric)
    assert matrix.shape == (9, len(rows))
    one_by_one = [[distance(a, b, metric=metric) for b in rows] for a in rows[:9]]
    one_to_many = [row_distances(a, rows, metric=metric) for a in rows[:9]]
    assert row_distances(rows, rows[::-1], metric=metric).shape == (len(rows),)
    np.testing.assert_allclose(one_by_one, one_to_many, rtol=1e-12, atol=1e-7)
    np.testing.assert_allclose(matrix, one_to_many, rtol=1e-7, atol=1e-4)
    assert (matrix >= 0).all()


@pytest.mark.django_db
@pytest.mark.parametrize("metric", LARGEST)
def test_a_vector_of_zeros_is_as_far_as_can_be_from_everything(metric: str) -> None:
    rows = vectors(128)
    zero = np.zeros(128, np.float32)
    assert (row_distances(zero, rows, metric=metric) == LARGEST[metric]).all()
    assert (distance_matrix(zero[None], rows, metric=metric) == LARGEST[metric]).all()
    assert distance(zero, zero, metric=metric) == LARGEST[metric]
    zeros = ~rows.any(axis=1)
    assert zeros.sum() == 2
    assert by_database(rows, metric)[zeros] == pytest.approx(LARGEST[metric])


def test_distances_are_those_of_the_metrics() -> None:
    one, two = np.array([3, 0], np.float32), np.array([0, 4], np.float32)
    assert [round(distance(one, two, metric=m), 4) for m in METRICS] == [1.0, 5.0, 1.4142, 0.5]
    assert distance(one, 0 * one, metric="euclidean") == 3
    assert distance(one, one, metric="euclidean") == 0
