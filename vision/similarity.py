"""The distance between two embeddings of one space."""

from __future__ import annotations

import math

import numpy as np

from vision.types import Embedding


def distance(first: Embedding, second: Embedding, *, metric: str) -> float:
    """The distance of two embeddings of one space, as the database computes it; metrics as in `vision.engines`."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    if metric == "euclidean":
        return float(np.linalg.norm(a - b))
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    gap = min(max(1.0 - float(a @ b) / norms, 0.0), 2.0) if norms else math.nan
    shapes = {
        "cosine": gap,
        "euclidean_l2": math.sqrt(2 * gap),
        "angular": math.acos(1 - gap) / math.pi if norms else gap,
    }
    return shapes[metric]
