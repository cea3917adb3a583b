"""An image on its way to the workers."""

from __future__ import annotations

from dataclasses import dataclass

from errors import InvalidInput
from vision.images import ImageInfo


@dataclass(frozen=True)
class Submission:
    """One image of a call: readable bytes with what the header says, or the reason why it cannot be used."""

    identifier: str
    data: bytes = b""
    info: ImageInfo | None = None
    error: InvalidInput | None = None


@dataclass(frozen=True)
class Backlog:
    """Work of one kind that waits for a worker: how much, and since how many seconds the oldest waits."""

    kind: str
    count: int
    seconds: float
