"""What may go wrong. `code` is stable, and `docs/errors.md` of the service lists every one; texts may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """One wrong value of a call. `place`: such as ("query", "limit")."""

    code: str
    place: tuple[str | int, ...]
    message: str


class FaceAppError(Exception):
    """A call that failed. `status`: of HTTP, 0 where no answer came. `retry_after`: seconds, where the service says."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 0,
        mistakes: tuple[Mistake, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status
        self.mistakes, self.retry_after = mistakes, retry_after

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class InvalidInput(FaceAppError):
    """The image or another value cannot be used (400, 413, 422)."""


class NotPermitted(FaceAppError):
    """No key, a wrong one, or one without the scope (401, 403)."""


class NotFound(FaceAppError):
    """No such object, or it belongs to another client (404)."""


class Conflict(FaceAppError):
    """Something is in the way, such as an id that is taken (409)."""


class RateLimited(FaceAppError):
    """Over the key's rate (429)."""


class Unavailable(FaceAppError):
    """The service cannot answer now (503)."""


class ConnectionFailed(FaceAppError):
    """The service was not reached: nothing has been done."""


class AnswerLost(FaceAppError):
    """The connection ended without an answer: whether the call was carried out is not known."""


class JobTimeout(FaceAppError):
    """A job is not finished within the time that the caller gave it. It goes on; `job_id` is its id."""

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
}
FOREIGN = "client.foreign_answer"  # no answer of a faceapp service: a proxy, or another program


def error_of(status: int, body: Any, *, retry_after: float | None = None) -> FaceAppError:
    """The error of an answer. `body`: the parsed JSON, or None where there is none."""
    kind = KINDS.get(status, FaceAppError)
    if not isinstance(body, dict) or not isinstance(body.get("code"), str):
        message = f"HTTP status {status}, and not in the words of a faceapp service. Is the address right?"
        return kind(message, code=FOREIGN, status=status, retry_after=retry_after)
    mistakes = _mistakes(body.get("detail"))
    message = "; ".join(_told(mistake) for mistake in mistakes) or str(body.get("detail"))
    return kind(message, code=body["code"], status=status, mistakes=mistakes, retry_after=retry_after)


def _mistakes(detail: Any) -> tuple[Mistake, ...]:
    found = detail if isinstance(detail, list) else []
    return tuple(Mistake(item["type"], tuple(item["loc"]), item["msg"]) for item in found)


def _told(mistake: Mistake) -> str:
    place = ".".join(str(part) for part in mistake.place[1:])
    return f"{place}: {mistake.message}" if place else mistake.message
