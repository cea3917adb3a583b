"""How far apart embeddings are: DeepFace's four metrics, computed by numpy and by PostgreSQL to the same meaning.

Three of the metrics compare directions only. A vector of zeros has none: by these metrics it lies at the largest
distance from every vector, other zeros included, so that it never matches. By the Euclidean metric it is a point like
any other. `vision/tests/test_distances.py` compares all forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

METRICS = ("cosine", "euclidean", "euclidean_l2", "angular")

# `<=>` answers NaN for a vector of zeros. PostgreSQL holds NaN greater than every number, so `least` makes it 2.
_COSINE = "least(greatest(template.embedding <=> probe.embedding, 0), 2)"
# SQL by metric, between the columns `template.embedding` and `probe.embedding`.
DISTANCES = {
    "cosine": _COSINE,
    "euclidean": "template.embedding <-> probe.embedding",
    "euclidean_l2": f"sqrt(2 * {_COSINE})",
    "angular": f"acos(1 - {_COSINE}) / pi()",
}
# pgvector's operator that puts vectors into the order of a metric; indexes know operators only.
OPERATORS = {"cosine": "<=>", "euclidean": "<->", "euclidean_l2": "<=>", "angular": "<=>"}
# The same for numpy, of the cosine distance.
_OF_COSINE: dict[str, Callable[[Floats], Floats]] = {
    "cosine": lambda cosine: cosine,
    "euclidean_l2": lambda cosine: np.sqrt(2 * cosine),
    "angular": lambda cosine: np.arccos(1 - cosine) / np.pi,
}


def distance(first: NDArray[Any], second: NDArray[Any], *, metric: str) -> float:
    """Between two embeddings (dimensions,) of one space."""
    return float(row_distances(first, second, metric=metric))


def row_distances(a: NDArray[Any], b: NDArray[Any], *, metric: str) -> Floats:
    """(n,): between row i of `a` and row i of `b`, both (n, dimensions); either may be one vector (dimensions,)."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(x - y, axis=-1), np.float64)
    return _directional((x * y).sum(axis=-1), np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1), metric)


def distance_matrix(a: NDArray[Any], b: NDArray[Any], *, metric: str) -> Floats:
    """(n, m): between each row of `a` (n, dimensions) and each of `b` (m, dimensions).

    Nearly equal vectors may come out up to 1e-8 of their length apart where `row_distances` says 0.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    products = x @ y.T
    if metric == "euclidean":
        squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * products
        return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float64)
    return _directional(products, np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1), metric)


def _directional(products: Floats, lengths: Floats, metric: str) -> Floats:
    """Distances of directions, from the inner products of vectors and the products of their lengths."""
    opposite = np.full(np.shape(products), -1.0)
    cosines = np.divide(products, lengths, out=opposite, where=np.asarray(lengths) > 0)
    return np.asarray(_OF_COSINE[metric](np.clip(1 - cosines, 0, 2)), np.float64)
