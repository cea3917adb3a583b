"""How refusals look in this dialect: `{"error_msg": …}`, `{"message": {field: …}}`, and 401 as HTTP Basic has it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework import exceptions

from compat.faceanalysis.authentication import REALM
from compat.faceanalysis.exceptions import MissingArgument, RegistrationClosed
from compat.refusals import Refusal
from errors import Busy, FaceAppError, NoRoom, Unavailable

REFUSALS = (
    Refusal((RegistrationClosed,), 403),
    Refusal((Unavailable, Busy, NoRoom)),
    Refusal((FaceAppError, exceptions.ValidationError, exceptions.ParseError), 400),
)
UNAUTHENTICATED = (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)
UNAUTHORIZED = "<!doctype html><title>401</title><p>Unauthorized access"


def challenge() -> HttpResponse:
    """What the older service answers to callers without an account: a page."""
    headers = {"WWW-Authenticate": f'Basic realm="{REALM}"'}
    return HttpResponse(UNAUTHORIZED, status=401, content_type="text/html; charset=utf-8", headers=headers)


def write_error(exc: Exception, detail: Any) -> dict[str, Any]:
    """`detail`: the service's own text, or a list of mistakes."""
    if isinstance(exc, MissingArgument):
        return {"message": {exc.field: exc.message}}
    return {"error_msg": detail if isinstance(detail, str) else "The request cannot be read."}
