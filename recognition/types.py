"""Values that screening takes and returns."""

from __future__ import annotations

from dataclasses import dataclass

from faceapp.exceptions import InvalidInput
from vision.images import ImageInfo


@dataclass(frozen=True)
class Submission:
    """One image of a call: readable bytes with what the header says, or the reason why it cannot be used."""

    identifier: str
    data: bytes = b""
    info: ImageInfo | None = None
    error: InvalidInput | None = None


@dataclass(frozen=True)
class ScreeningOptions:
    """How faces are found and compared. `threshold` is a distance in `metric`: at or below it is a match."""

    engine: str
    detector: str
    metric: str
    threshold: float
