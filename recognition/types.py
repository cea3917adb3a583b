"""Values that screening takes and returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScreeningOptions:
    """How faces are found and compared.

    `detector` "" is the engine's own. `threshold` is a distance in `metric`: a face at this distance or below matches,
    as things stand now. Unless the caller has named it (`asked_threshold`), it is judged anew with each image.
    """

    engine: str
    detector: str
    metric: str
    threshold: float
    asked_threshold: float | None = None
