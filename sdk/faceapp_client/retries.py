"""One request and its repetitions: every call is a generator that says what to send and how long to pause.

It uses neither sockets nor a clock. `clients` drives it, once with an ordinary and once with an asynchronous httpx
client, so that retries, waits and pages are written only once.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import uuid4

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
RUNNING = "idempotency.running"  # the first attempt goes on, and a repetition will get its answer
PERMANENT = {"engine.weights_missing", "engine.weights_broken", "engine.package_missing"}  # an administrator has to act


@dataclass(frozen=True)
class Request:
    """One HTTP request. `idempotent`: sending it twice has the same effect as sending it once."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[FilePart] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotent: bool = False

    def once(self, key: str | None) -> Request:
        """The same with an idempotency key, a new one if None: however often it is sent, it is carried out once."""
        headers = {**self.headers, "Idempotency-Key": str(uuid4()) if key is None else key}
        return replace(self, headers=headers, idempotent=True)


@dataclass(frozen=True)
class Pause:
    """Do nothing for this many seconds."""

    seconds: float


Step = Request | Pause
Flow = Generator[Step, Any, T]  # is sent an httpx.Response for each Request, and returns T


@dataclass(frozen=True)
class Retries:
    """How often and how patiently a call is repeated. Times are seconds.

    `tries`: the first one included. `longest`: a service that asks for a longer pause is not waited for.
    """

    tries: int = 4
    first_pause: float = 0.5
    longest: float = 60.0

    def pause(self, attempt: int, asked: float | None) -> float:
        """Before the next attempt: what the service asks, or twice as long each time, with some jitter."""
        backoff = self.first_pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        return min(backoff, self.longest) if asked is None else asked

    def allow(self, attempt: int, error: FaceAppError, request: Request) -> bool:
        """Whether the request may be sent again after this attempt."""
        return attempt < self.tries and (error.retry_after or 0) <= self.longest and is_repeatable(error, request)


def is_repeatable(error: FaceAppError, request: Request) -> bool:
    """Whether repeating can help and does nothing twice.

    429 and the service's own 503 say that nothing was kept. Other errors of the service or of a proxy may hide a call
    that was carried out, as may a connection that breaks.
    """
    if isinstance(error, RateLimited | ConnectionFailed) or error.code == RUNNING:
        return True
    if isinstance(error, Unavailable) and error.code != FOREIGN:
        return error.code not in PERMANENT
    return request.idempotent and (isinstance(error, AnswerLost) or error.status >= 500)


def send(request: Request, retries: Retries) -> Flow[httpx.Response]:
    """The successful answer to a request, which is repeated where that is safe. Raises `FaceAppError`."""
    for attempt in itertools.count(1):
        try:
            response: httpx.Response = yield request
        except NOT_SENT as failure:
            reason = str(failure) or type(failure).__name__
            error: FaceAppError = ConnectionFailed(
                f"The service cannot be reached: {reason}", code="client.connection_failed"
            )
        except httpx.TimeoutException:
            error = AnswerLost("The service did not answer in time.", code="client.timeout")
        except httpx.TransportError as failure:
            reason = str(failure) or type(failure).__name__
            error = AnswerLost(f"The connection broke before the answer came: {reason}", code="client.answer_lost")
        else:
            if response.is_success:
                return response
            error = error_of(response)
        if not retries.allow(attempt, error, request):
            raise error
        yield Pause(retries.pause(attempt, error.retry_after))
    raise AssertionError("unreachable")
