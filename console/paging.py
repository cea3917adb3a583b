"""Pages of numbered rows, newest first, that stay where they are when rows arrive or go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet

from clients.numbering import Numbered

ON_A_PAGE = 40
LARGEST = 2**63 - 1
Row = TypeVar("Row", bound=Numbered)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows, newest first; neighbouring pages go on at the numbers `older` and `newer`, if there are any."""

    rows: list[Row]
    older: int | None
    newer: int | None

    @classmethod
    def of(cls, rows: QuerySet[Row, Any], *, before: int | None = None, after: int | None = None) -> Page[Row]:
        """The newest rows; those older than `before`; or those newer than `after`, as long as they fill a page."""
        if after is not None:
            found = list(rows.filter(number__gt=after).order_by("number")[: ON_A_PAGE + 1])
            if len(found) >= ON_A_PAGE:
                shown = found[:ON_A_PAGE][::-1]
                return cls(shown, shown[-1].number, shown[0].number if len(found) > ON_A_PAGE else None)
        elif before is not None:
            found = list(rows.filter(number__lt=before).order_by("-number")[: ON_A_PAGE + 1])
            newer = found[0].number if found else before - 1
            return cls(found[:ON_A_PAGE], _last(found), newer)
        found = list(rows.order_by("-number")[: ON_A_PAGE + 1])
        return cls(found[:ON_A_PAGE], _last(found), None)


def _last(found: list[Row]) -> int | None:
    """The number of the last one of a page, if there are more than fit on it."""
    return found[ON_A_PAGE - 1].number if len(found) > ON_A_PAGE else None


def number_in(text: str | None) -> int | None:
    """The number of a row in an address; None for what is none."""
    if text and text.isascii() and text.isdecimal() and len(text) < 20:
        return min(int(text), LARGEST)
    return None
