"""How refusals leave: an error object, with status 200 for whatever the older service answered so."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from compat.facehash import payloads
from compat.refusals import Refusal
from errors import FaceAppError, InvalidInput, NotFound

OF_THE_KEY = (exceptions.AuthenticationFailed, exceptions.NotAuthenticated)
REFUSALS = (  # errors that ask for patience or room keep their status: 409, 413, 429, 503, 507
    Refusal((*OF_THE_KEY, exceptions.PermissionDenied, InvalidInput, NotFound), 200),
    Refusal((exceptions.ParseError,), 400),
)


def write_error(exc: Exception, response: Response) -> dict[str, Any]:
    """The error object. Takes the challenge off an answer about a key: it would open a browser's dialogue."""
    if isinstance(exc, OF_THE_KEY):
        response.headers.pop("WWW-Authenticate", None)
        return payloads.error(payloads.BAD_KEY)
    if isinstance(exc, FaceAppError):
        return payloads.error(exc.message)
    detail = response.data.get("detail")
    return payloads.error(detail if isinstance(detail, str) else "The request cannot be read.")
