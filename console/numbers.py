"""Numbers that stand in addresses and forms, counts in words, and distances as they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import number_format

LARGEST = 2**63 - 1  # of a PostgreSQL bigint
MANY = 500  # are counted; beyond that a page says "500+"
LIMIT = 600  # where the threshold stands on a scale of 1000


def number_in(text: object) -> int | None:
    """The number that a text is, at most `LARGEST`; None for what is none."""
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 20:
        return min(int(text), LARGEST)
    return None


def count_of(rows: QuerySet[Any]) -> int:
    """At most one more than `MANY`: to count them all takes longer than the rest of a page."""
    return rows.order_by().values("pk")[: MANY + 1].count()


def in_words(count: int) -> str:
    return number_format(min(count, MANY), force_grouping=True) + ("+" if count > MANY else "")


@dataclass(frozen=True)
class Scale:
    """A distance next to the threshold of a match. `drawn` and `limit` are where they stand, from 0 to 1000."""

    distance: float
    threshold: float

    @property
    def drawn(self) -> int:
        return round(min(LIMIT * self.distance / self.threshold, 1000)) if self.threshold else 1000

    @property
    def limit(self) -> int:
        return LIMIT
