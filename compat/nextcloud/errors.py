"""Which status each refusal has for the app: it looks at nothing else. The body is the service's own."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from errors import FaceAppError
from rest.errors import handle_exception

STATUSES = {
    "nextcloud.area_too_large": 412,
    "image.too_many_pixels": 412,
    "image.too_large": 413,
    "image.not_an_image": 415,
    "image.unsupported_format": 415,
    "image.truncated": 422,
}


def answer(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler for this dialect."""
    response = handle_exception(exc, context)
    if response is not None and isinstance(exc, FaceAppError):
        response.status_code = STATUSES.get(exc.code, response.status_code)
    if response is not None and isinstance(exc, exceptions.ParseError):
        response.status_code = 400
    return response
