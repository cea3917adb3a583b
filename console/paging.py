"""Pages of lists: by the numbers of rows, newest first, which stay when rows arrive or go; or counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet

from clients.numbering import Numbered

ON_A_PAGE = 40
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
            found = _first(rows.filter(number__gt=after), "number")
            if len(found) >= ON_A_PAGE:
                shown = found[:ON_A_PAGE][::-1]
                return cls(shown, shown[-1].number, shown[0].number if len(found) > ON_A_PAGE else None)
        elif before is not None:
            found = _first(rows.filter(number__lt=before), "-number")
            newer = found[0].number if found else before - 1
            return cls(found[:ON_A_PAGE], _last(found), newer)
        found = _first(rows, "-number")
        return cls(found[:ON_A_PAGE], _last(found), None)


def _first(rows: QuerySet[Row, Any], order: str) -> list[Row]:
    """Those of a page and one more. Their numbers are looked for in an index, without the rows."""
    numbers = rows.prefetch_related(None).order_by(order).values("number")[: ON_A_PAGE + 1]
    return list(rows.filter(number__in=numbers).order_by(order))


def _last(found: list[Row]) -> int | None:
    """The number of the last one of a page, if there are more than fit on it."""
    return found[ON_A_PAGE - 1].number if len(found) > ON_A_PAGE else None


@dataclass(frozen=True)
class PageNumber:
    """One of the pages of a list that is counted."""

    number: int
    last: int

    @classmethod
    def of(cls, asked: int | None, *, count: int, on_a_page: int) -> PageNumber:
        """The page that was asked for, or the last one if there are fewer."""
        last = max(1, math.ceil(count / on_a_page))
        return cls(min(max(asked or 1, 1), last), last)

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1 if self.number < self.last else 0
