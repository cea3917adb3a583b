"""A measured table for the space of the fake engine, in which rates are round numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from calibration import tables
from vision.engines import engines

# A factor of ten for each 0.05; beyond 0.15 it goes on like that: 0.1 for 1e-6, 0.05 for 1e-7.
ROWS = [(0.15, 1e-5, 10), (0.2, 1e-4, 100), (0.25, 1e-3, 1000), (0.3, 1e-2, 10_000), (0.35, 1e-1, 100_000),
        (2.0, 1.0, 1_000_000)]  # fmt: skip


def content(**changes: Any) -> dict[str, Any]:
    rows = [{"distance": distance, "rate": rate, "pairs": pairs} for distance, rate, pairs in ROWS]
    return {"space": engines["default"].space.name, "metrics": {"euclidean": rows}} | changes


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the table."""
    file = tmp_path / "fake.json"
    file.write_text(json.dumps(content()))
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    return file
