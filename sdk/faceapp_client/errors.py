"""What can go wrong. `code` is stable and listed in `docs/errors.md` of the service; messages may change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx


@dataclass(frozen=True)
class Mistake:
    """One wrong value of a call. `place`: such as ("query", "limit")."""

    code: str
    place: tuple[str | int, ...]
    message: str


class FaceAppError(Exception):
    """A call that failed. `status`: of HTTP, 0 without an answer. `retry_after`: seconds, if the service names them.

    `request_id`: by which the service's logs name the request; empty without an answer.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 0,
        mistakes: tuple[Mistake, ...] = (),
        retry_after: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status
        self.mistakes, self.retry_after, self.request_id = mistakes, retry_after, request_id

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class InvalidInput(FaceAppError):
    """The image or another value cannot be used (400, 413, 422)."""


class NotPermitted(FaceAppError):
    """No key, a wrong one, or one without the scope (401, 403)."""


class NotFound(FaceAppError):
    """No such object, or it belongs to another client (404)."""


class Conflict(FaceAppError):
    """The call conflicts with what is stored, such as an id that is taken (409)."""


class RateLimited(FaceAppError):
    """More calls than the key's rate limit, or more images than the client's quota of a day, allow (429)."""


class NoRoom(FaceAppError):
    """The client's files may not take so much more room (507)."""


class Unavailable(FaceAppError):
    """The service cannot answer now (503)."""


class ConnectionFailed(FaceAppError):
    """The service was not reached: nothing has been done."""


class AnswerLost(FaceAppError):
    """The connection ended without an answer: whether the call was carried out is not known."""


class JobTimeout(FaceAppError):
    """A job did not finish within the caller's timeout. It goes on; `job_id` is its id."""

    def __init__(self, message: str, *, job_id: str) -> None:
        super().__init__(message, code="client.job_timeout")
        self.job_id = job_id


KINDS: dict[int, type[FaceAppError]] = {
    400: InvalidInput,
    401: NotPermitted,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    413: InvalidInput,
    422: InvalidInput,
    429: RateLimited,
    503: Unavailable,
    507: NoRoom,
}
FOREIGN = "client.foreign_answer"  # not an answer of a faceapp service: of a proxy, or another program


def error_of(response: httpx.Response) -> FaceAppError:
    """The error that an answer without success describes."""
    known: dict[str, Any] = {
        "status": response.status_code,
        "retry_after": parse_retry_after(response.headers.get("Retry-After")),
        "request_id": response.headers.get("X-Request-ID", ""),
    }
    kind = KINDS.get(response.status_code, FaceAppError)
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("code"), str):
        message = f"HTTP status {response.status_code}, but not from a faceapp service. Is the address right?"
        return kind(message, code=FOREIGN, **known)
    mistakes, messages = [], []
    for item in body["detail"] if isinstance(body.get("detail"), list) else []:
        mistakes.append(Mistake(item["type"], tuple(item["loc"]), item["msg"]))
        place = ".".join(map(str, item["loc"][1:]))
        messages.append(f"{place}: {item['msg']}" if place else item["msg"])
    message = "; ".join(messages) or str(body.get("detail"))
    return kind(message, code=body["code"], mistakes=tuple(mistakes), **known)


def parse_retry_after(header: str | None) -> float | None:
    """The seconds that `Retry-After` asks for, as a number or a date; None without a header that can be read."""
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
