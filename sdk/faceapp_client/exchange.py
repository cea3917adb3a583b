"""The core that both clients share: every call is a generator that says what to send and how long to pause.

It knows no sockets and no clock. `doors` drives it, once with an ordinary and once with an asynchronous httpx client,
so that retries, waits and pages are written (and wrong, or right) only once.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx

from faceapp_client.errors import (
    FOREIGN,
    AnswerLost,
    ConnectionFailed,
    FaceAppError,
    RateLimited,
    Unavailable,
    error_of,
)

T = TypeVar("T")
FilePart = tuple[str, tuple[str, bytes]]  # field, (file name, content)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)

HOPELESS = {"engine.weights_missing", "engine.weights_broken", "engine.package_missing"}  # an administrator has to act


@dataclass(frozen=True)
class Request:
    """One HTTP request. `harmless`: it may be carried out twice without a difference."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[FilePart] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    harmless: bool = False


@dataclass(frozen=True)
class Pause:
    """Do nothing for so many seconds."""

    seconds: float


Step = Request | Pause
Flow = Generator[Step, Any, T]  # is sent an httpx.Response for a Request, and answers T


@dataclass(frozen=True)
class Retries:
    """How often and how patiently a call is repeated. Times are seconds.

    `tries`: with the first one. `longest`: a service that asks for more patience than this is not waited for.
    """

    tries: int = 4
    first_pause: float = 0.5
    longest: float = 60.0

    def pause(self, attempt: int, asked: float | None) -> float:
        """Before the next attempt: what the service asks, or twice as long each time, spread by chance."""
        backoff = self.first_pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        return min(backoff, self.longest) if asked is None else asked

    def wanted(self, attempt: int, error: FaceAppError, request: Request) -> bool:
        patient = (error.retry_after or 0) <= self.longest
        return attempt < self.tries and patient and may_repeat(error, request)


def may_repeat(error: FaceAppError, request: Request) -> bool:
    """Whether repeating can help and does nothing twice.

    429 and the service's own 503 say that nothing was kept. A 503 without a code is a proxy's, which may have lost the
    answer of a call that was carried out, as may a connection that breaks.
    """
    if isinstance(error, RateLimited | ConnectionFailed):
        return True
    if isinstance(error, Unavailable):
        return error.code not in HOPELESS and (error.code != FOREIGN or request.harmless)
    return isinstance(error, AnswerLost) and request.harmless


def exchange(request: Request, retries: Retries) -> Flow[httpx.Response]:
    """The answer to a request, repeated where that is safe. Raises `FaceAppError`."""
    for attempt in itertools.count(1):
        try:
            response: httpx.Response = yield request
            if response.is_success:
                return response
            error = _refusal(response)
        except httpx.TransportError as broken:
            error = _broken(broken)
        if not retries.wanted(attempt, error, request):
            raise error
        yield Pause(retries.pause(attempt, error.retry_after))
    raise AssertionError("unreachable")


def _refusal(response: httpx.Response) -> FaceAppError:
    try:
        body = response.json()
    except ValueError:
        body = None
    return error_of(response.status_code, body, retry_after=_seconds(response.headers.get("Retry-After")))


def _broken(error: httpx.TransportError) -> FaceAppError:
    """Without the text of the error's request: httpx' own message is about the network only."""
    told = str(error) or type(error).__name__
    if isinstance(error, NOT_SENT):
        return ConnectionFailed(f"The service cannot be reached: {told}", code="client.connection_failed")
    if isinstance(error, httpx.TimeoutException):
        return AnswerLost("The service did not answer in time.", code="client.timeout")
    return AnswerLost(f"The connection broke before the answer came: {told}", code="client.answer_lost")


def _seconds(header: str | None) -> float | None:
    """`Retry-After`: seconds or a date; None where there is none that can be read."""
    if header is None:
        return None
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
