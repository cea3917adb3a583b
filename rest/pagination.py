"""Paging with `limit` and `offset`, which are refused rather than corrected when they make no sense."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

NEWEST = "newest"
STILL_KEYS = {"number", "created_at", "at"}  # of the orders that begin with the newest row; neither shows a primary key
LARGEST = 2**62  # that PostgreSQL can compare with


class StrictPagination(LimitOffsetPagination):
    """`limit` 1 to 100 (default 20) and `offset` from 0; anything else is a 422.

    The header `Link` names the next page (RFC 8288, `rel="next"`). In a list that begins with the newest row that link
    also says, as `newest`, which row the list began with when it was first read: rows that are added afterwards stay
    out, so that a client that follows the links sees every row once.
    """

    default_limit = 20
    max_limit = 100
    newest: int | datetime | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        key = _still_key(queryset)
        self.newest = _newest(request, key) if key else None
        if self.newest is not None:
            queryset = queryset.filter(**{f"{key}__lte": self.newest})
        page: list[Any] = super().paginate_queryset(queryset, request, view) or []
        if key and self.newest is None and page:
            self.newest = queryset.values_list(key, flat=True).first() if self.offset else getattr(page[0], key)
        return page

    def get_limit(self, request: Request) -> int:
        return _bounded(request, "limit", default=self.default_limit, low=1, high=self.max_limit)

    def get_offset(self, request: Request) -> int:
        return _bounded(request, "offset", default=0, low=0)

    def get_paginated_response(self, data: Any) -> Response:
        body = {"total_items": self.count, "items": data, "limit": self.limit, "offset": self.offset}
        link = self.get_next_link()
        if link and self.newest is not None:
            newest = self.newest.isoformat() if isinstance(self.newest, datetime) else self.newest
            link = replace_query_param(link, NEWEST, newest)
        return Response(body, headers={"Link": f'<{link}>; rel="next"'} if link else None)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        described = "In a list that begins with the newest row: keeps later rows out. Use the links to the next page."
        newest = {"name": NEWEST, "in": "query", "schema": {"type": "string"}, "description": described}
        return [*super().get_schema_operation_parameters(view), newest]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        integer = {"type": "integer"}
        return {
            "type": "object",
            "required": ["total_items", "items", "limit", "offset"],
            "properties": {"total_items": integer, "items": schema, "limit": integer, "offset": integer},
        }


def _still_key(queryset: Any) -> str | None:
    """The column by which a list begins with its newest row; None for other orders."""
    if not isinstance(queryset, QuerySet):
        return None
    order = queryset.query.order_by or queryset.model._meta.ordering
    first = str(order[0]) if order else ""
    return first[1:] if first.startswith("-") and first[1:] in STILL_KEYS else None


def _newest(request: Request, key: str) -> int | datetime | None:
    """Which row the list began with when its first page was read. Raises `ValidationError` for what is no such key."""
    text = request.query_params.get(NEWEST)
    if text is None:
        return None
    if key == "number":
        return _bounded(request, NEWEST, default=0, low=0)
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValidationError({NEWEST: ["Use the value of the link to the next page."]})
    return moment


def _bounded(request: Request, name: str, *, default: int, low: int, high: int | None = None) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError as error:
        raise ValidationError({name: ["A whole number is required."]}) from error
    if value < low or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"{low} to {high}"
        raise ValidationError({name: [f"Allowed: {bounds}."]})
    return min(value, LARGEST)
