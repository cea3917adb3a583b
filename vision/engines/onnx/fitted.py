"""What was fitted on labelled photographs: data of this project, written by `manage.py fit_projection`."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROJECTION = Path(__file__).with_name("pair128.npy")  # (704, 128) float32
FITTED = Path(__file__).with_name("fitted.json")


def thresholds() -> dict[str, float]:
    """The cosine distance at which one pair of strangers in 10,000 counts as one person, by model."""
    found: dict[str, float] = _fitted()["thresholds"]
    return found


def lengths() -> tuple[list[float], list[float]]:
    """Lengths of `fr512`'s raw vectors, rising, and the share of photographs of LFW whose length is at most that."""
    table = _fitted()["lengths"]
    return [length for length, _ in table], [share for _, share in table]


def projection() -> NDArray[np.float32]:
    """The matrix (704, 128) of `pair128`."""
    matrix: NDArray[np.float32] = np.load(PROJECTION)
    return matrix


@lru_cache(maxsize=1)
def projection_digest() -> str:
    """SHA-256 of the matrix's file, which the name of the space holds."""
    return hashlib.sha256(PROJECTION.read_bytes()).hexdigest()


@lru_cache(maxsize=1)
def _fitted() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FITTED.read_text(encoding="utf-8"))
    return found
