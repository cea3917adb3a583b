"""How errors leave the service over HTTP: one table from the kinds of errors to statuses, and one shape for the body.

`{"detail": <text>, "code": <stable code>}`; values that fail validation answer 422 with a list in `detail`, one item
`{"type", "loc", "msg"}` per mistake. Answers never contain the message of an unexpected exception.
"""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from kombu.exceptions import OperationalError as QueueError
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from errors import Busy, Conflict, FaceAppError, InvalidInput, NoRoom, NotFound, Unavailable, Unprocessable

logger = logging.getLogger(__name__)

RETRY_AFTER = {"Retry-After": "5"}
FULL_DISK = {errno.ENOSPC, errno.EDQUOT}

STATUSES: dict[type[FaceAppError], int] = {  # a kind before the kind it refines
    Unprocessable: 422,
    InvalidInput: 400,
    NotFound: 404,
    Conflict: 409,
    Busy: 429,
    Unavailable: 503,
    NoRoom: 507,
}
CODES = {"throttled": "rate_limited", "not_authenticated": "auth.required"}  # where DRF's word is not ours


@dataclass(frozen=True)
class Problem:
    """An error as a caller sees it. `detail` is a text, or a list of mistakes with 422."""

    status: int
    detail: Any
    code: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.detail, "code": self.code}


INTERNAL = Problem(500, "Internal error.", "internal")

# What goes wrong outside the domain. Order matters as in STATUSES.
FOREIGN: list[tuple[tuple[type[BaseException], ...], Problem]] = [
    ((Http404,), Problem(404, "Not found.", "not_found")),
    ((PermissionDenied,), Problem(403, "You do not have permission to do this.", "permission_denied")),
    ((RequestDataTooBig,), Problem(413, "The request is too large.", "request.too_large")),
    ((TooManyFilesSent,), Problem(413, "The request has too many files.", "request.too_many_files")),
    (
        (UnreadablePostError,),
        Problem(
            422,
            [{"type": "parse_error", "loc": ["body"], "msg": "The body ended early or came too slowly."}],
            "bad_body",
        ),
    ),
    ((SuspiciousOperation,), Problem(400, "The request cannot be accepted.", "request.refused")),
    (
        (OperationalError, InterfaceError),
        Problem(503, "The database does not answer. Try again shortly.", "database.unavailable", RETRY_AFTER),
    ),
    (
        (RedisError, QueueError),
        Problem(503, "The queue does not answer. Try again shortly.", "queue.unavailable", RETRY_AFTER),
    ),
]
STORAGE_FULL = Problem(503, "The storage is full. Nothing was kept.", "storage.full", RETRY_AFTER)


# ---- from an exception to a problem -----------------------------------------------------------------------------
def problem_of(exc: BaseException, *, context: dict[str, Any] | None = None) -> Problem | None:
    """What the caller learns about `exc`; None if it is a bug of ours."""
    if isinstance(exc, FaceAppError):
        status = next((status for kind, status in STATUSES.items() if isinstance(exc, kind)), None)
        headers = RETRY_AFTER if exc.is_temporary else {}
        if isinstance(exc, Busy):
            headers = {"Retry-After": str(exc.retry_after)}
        return None if status is None else Problem(status, exc.message, exc.code, headers)
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc, context or {})
    if isinstance(exc, OSError) and exc.errno in FULL_DISK:
        return STORAGE_FULL
    return next((problem for kinds, problem in FOREIGN if isinstance(exc, kinds)), None)


def _of_framework(exc: exceptions.APIException, context: dict[str, Any]) -> Problem:
    if isinstance(exc, exceptions.ValidationError):
        return Problem(422, list(mistakes(exc.detail, context=context)), "validation_error")
    if isinstance(exc, exceptions.ParseError):
        mistake = {"type": "parse_error", "loc": ["body"], "msg": str(exc.detail)}
        return Problem(422, [mistake], "bad_body")
    code, headers = str(exc.get_codes()), {}
    if auth := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth
    if (wait := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    return Problem(exc.status_code, str(exc.detail), CODES.get(code, code), headers)


# ---- validation -------------------------------------------------------------------------------------------------
def mistakes(detail: Any, *, context: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """DRF's nested messages as a flat list; `loc` starts with where the value came from: path, query or body."""
    request = context.get("request")
    elsewhere = "query" if request is not None and request.method in {"GET", "HEAD", "DELETE"} else "body"
    for keys, message in _flatten(detail, []):
        origin = "path" if keys and keys[0] in (context.get("kwargs") or {}) else elsewhere
        yield {"type": message.code, "loc": [origin, *keys], "msg": str(message)}


def _flatten(detail: Any, keys: list[str | int]) -> Iterator[tuple[list[str | int], exceptions.ErrorDetail]]:
    if isinstance(detail, exceptions.ErrorDetail):
        yield keys, detail
        return
    if isinstance(detail, dict):
        items = [(key, value) for key, value in detail.items()]
    else:  # messages about one value, or one item per element of a list
        items = [(None if isinstance(value, str) else index, value) for index, value in enumerate(detail)]
    for key, value in items:
        inner = keys if key in (None, api_settings.NON_FIELD_ERRORS_KEY) else [*keys, key]
        yield from _flatten(value, inner)


# ---- on the way out ---------------------------------------------------------------------------------------------
def handle_exception(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. With DEBUG on, unexpected exceptions get Django's page instead of a bare 500."""
    problem = problem_of(exc, context=context)
    if problem is None and settings.DEBUG:
        return None
    if problem is None:
        report(exc, context["request"])
    set_rollback()
    problem = problem or INTERNAL
    return Response(problem.body, status=problem.status, headers=problem.headers)


def report(exc: Exception, request: Request) -> None:
    """Log where an unexpected exception came from, without its message, which may quote what the caller sent."""
    where = "".join(traceback.format_tb(exc.__traceback__))
    logger.error("%s during %s\n%s", type(exc).__name__, request.method, where)
    got_request_exception.send(sender=None, request=request._request)
