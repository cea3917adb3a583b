"""How refusals are answered: mostly by a text in `status`, and some of them with HTTP 200."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from compat.ekyc.exceptions import BadArguments, BatchTooLarge
from compat.ekyc.payloads import write_failure
from errors import FaceAppError, InvalidInput
from liveness.exceptions import NotLive, SessionNotFound, TokenRefused
from people.exceptions import NoTemplate, PersonNotFound
from rest.errors import handle_exception

LIVENESS = (NotLive, TokenRefused, SessionNotFound)
UNREADABLE_BODY = (exceptions.ParseError, exceptions.UnsupportedMediaType)
BODY = "Send a JSON object as application/json."


def answer(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler for this dialect."""
    if isinstance(exc, UNREADABLE_BODY):
        exc = BadArguments({"body": BODY})
    response = handle_exception(exc, context)
    if response is None:
        return None
    status, response.status_code = kind_of(exc, context["view"].no_face_status) or ("ERROR", response.status_code)
    text = str(response.data["detail"])
    response.data = context["view"].nothing | write_failure(status, exc, text) | {"code": response.data["code"]}
    return response


def kind_of(exc: Exception, no_face_status: int) -> tuple[str, int] | None:
    """The text in `status` and the HTTP status; None for what is no refusal of the domain."""
    if isinstance(exc, PersonNotFound | NoTemplate):
        return "PEOPLE_NOT_FOUND_ERROR", 200
    if isinstance(exc, LIVENESS):
        return "LIVENESS_FAIL", 400
    if isinstance(exc, FaceAppError) and exc.code == "face.none":
        return "NO_FACE_ERROR", no_face_status
    if isinstance(exc, BatchTooLarge):
        return "INPUT_ERROR", 413
    return ("INPUT_ERROR", 400) if isinstance(exc, InvalidInput) else None
