"""Examples of JSON bodies, which the API reference shows and fills in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

PHOTOGRAPH = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ…"  # shortened
Class = TypeVar("Class")


def example(**body: Any) -> Callable[[Class], Class]:
    """Decorates a serializer with the body of a typical call."""
    one = OpenApiExample("Example", body, request_only=True, media_type="application/json")
    decorate: Callable[[Class], Class] = extend_schema_serializer(examples=[one])  # type: ignore[assignment]
    return decorate
