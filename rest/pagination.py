"""One way to page: `limit` and `offset`, refused rather than corrected when they make no sense."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response


class StrictPagination(LimitOffsetPagination):
    """`limit` 1 to 100 (default 20) and `offset` from 0; anything else is a 422."""

    default_limit = 20
    max_limit = 100

    def get_limit(self, request: Request) -> int:
        return _bounded(request, "limit", default=self.default_limit, low=1, high=self.max_limit)

    def get_offset(self, request: Request) -> int:
        return _bounded(request, "offset", default=0, low=0)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"total_items": self.count, "items": data, "limit": self.limit, "offset": self.offset})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        integer = {"type": "integer"}
        return {
            "type": "object",
            "required": ["total_items", "items", "limit", "offset"],
            "properties": {"total_items": integer, "items": schema, "limit": integer, "offset": integer},
        }


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
    return min(value, 2**62)
