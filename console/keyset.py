"""Places in lists that begin with the newest row: pages start at a row, so that new rows do not shift them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

Rows = TypeVar("Rows", bound=QuerySet[Any])
LONGEST = 100  # characters of a place


@dataclass(frozen=True)
class Place:
    """A row by its time and key, as an address names it."""

    at: datetime
    key: str

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.key}"


def place(text: str, *, numbers: bool) -> Place | None:
    """What an address names; None for anything else. `numbers`: keys are numbers, not UUIDs."""
    moment, _, key = text[:LONGEST].partition("~")
    try:
        at = parse_datetime(moment)
    except ValueError:
        return None
    is_key = key.isdecimal() and key.isascii() and len(key) < 19 if numbers else len(key) == 36
    return Place(at, key) if at and at.tzinfo and is_key else None


def older(rows: Rows, start: Place, *, time: str) -> Rows:
    """What follows this row, by `time` and then by key, both the greatest first."""
    later = Q(**{time: start.at, "pk__gte": start.key})
    return rows.filter(**{f"{time}__lte": start.at}).exclude(later)
