"""How refusals leave: an error object, with status 200 for whatever the older service answered so."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from compat.facehash import payloads
from errors import FaceAppError, InvalidInput, NotFound
from rest.errors import handle_exception

OF_THE_KEY = (exceptions.AuthenticationFailed, exceptions.NotAuthenticated)
HANDLED = (*OF_THE_KEY, exceptions.PermissionDenied, InvalidInput, NotFound)


def answer(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler for this dialect. What asks for patience keeps its status: 413, 429, 503."""
    response = handle_exception(exc, context)
    if response is None:
        return None
    response.data = {**context["view"].nothing, **payloads.error(_text(exc, response))}
    if isinstance(exc, HANDLED):
        response.status_code = 200
    elif isinstance(exc, exceptions.ParseError):
        response.status_code = 400
    if isinstance(exc, OF_THE_KEY):  # 401 would open a browser's dialogue
        response.headers.pop("WWW-Authenticate", None)
    return response


def _text(exc: Exception, response: Response) -> str:
    if isinstance(exc, OF_THE_KEY):
        return payloads.BAD_KEY
    if isinstance(exc, FaceAppError):
        return exc.message
    detail = response.data.get("detail")
    return detail if isinstance(detail, str) else "The request cannot be read."
