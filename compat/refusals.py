"""How a dialect answers errors: a table from kinds of errors to its own statuses and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """`kinds` are exception classes, or codes of our own errors. No `status` leaves the service's own."""

    kinds: tuple[type[Exception] | str, ...]
    status: int | None = None
    word: str = ""

    def covers(self, exc: Exception) -> bool:
        code = getattr(exc, "code", None)
        return any(kind == code if isinstance(kind, str) else isinstance(exc, kind) for kind in self.kinds)


def refusal_of(exc: Exception, table: Sequence[Refusal]) -> Refusal:
    """The first row that covers the error; an empty one if there is none."""
    return next((row for row in table if row.covers(exc)), Refusal(()))
