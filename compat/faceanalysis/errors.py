"""How refusals look in this dialect: `{"error_msg": …}`, `{"message": {field: …}}`, and 401 as HTTP Basic has it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from compat.faceanalysis.authentication import REALM
from compat.faceanalysis.exceptions import MissingArgument, RegistrationClosed
from errors import FaceAppError, Unavailable
from rest.errors import handle_exception

UNAUTHORIZED = "<!doctype html><title>401</title><p>Unauthorized access"


def answer(exc: Exception, context: dict[str, Any]) -> Response | HttpResponse | None:
    """DRF's exception handler for this dialect."""
    if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        challenge = {"WWW-Authenticate": f'Basic realm="{REALM}"'}
        return HttpResponse(UNAUTHORIZED, status=401, content_type="text/html; charset=utf-8", headers=challenge)
    if isinstance(exc, MissingArgument):
        return Response({"message": {exc.field: exc.message}}, status=400)
    if isinstance(exc, RegistrationClosed):
        return Response({"error_msg": exc.message}, status=403)
    return _translated(exc, context)


def _translated(exc: Exception, context: dict[str, Any]) -> Response | None:
    response = handle_exception(exc, context)
    if response is None:
        return None
    of_domain = isinstance(exc, FaceAppError) and not isinstance(exc, Unavailable)
    if of_domain or response.status_code == 422:
        response.status_code = 400
    detail = response.data.get("detail") if isinstance(response.data, dict) else None
    response.data = {"error_msg": detail if isinstance(detail, str) else "The request cannot be read."}
    return response
