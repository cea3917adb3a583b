"""Values that screening takes and returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScreeningOptions:
    """How faces are found and compared. `threshold` is a distance in `metric`: at or below it is a match."""

    engine: str
    detector: str
    metric: str
    threshold: float
