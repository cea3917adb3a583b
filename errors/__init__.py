"""Errors of the domain. They do not know HTTP: `rest.errors` maps the four kinds to status codes in one table."""


class FaceAppError(Exception):
    """A refusal with a stable `code` for programs and a `message` that tells a person what to do.

    Messages never carry paths, image data, embeddings, names of people or keys.
    """

    code = "error"
    is_temporary = False  # the same call may succeed shortly; HTTP says Retry-After

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code


class InvalidInput(FaceAppError):
    """The caller sent something that cannot be used (HTTP 400)."""

    code = "invalid_input"


class Unprocessable(InvalidInput):
    """A well-formed value that this deployment does not accept, such as an unknown model name (HTTP 422)."""

    code = "unprocessable"


class NotFound(FaceAppError):
    """No such object, or it belongs to another client (HTTP 404)."""

    code = "not_found"


class Conflict(FaceAppError):
    """The object exists already or is in the wrong state (HTTP 409)."""

    code = "conflict"


class Unavailable(FaceAppError):
    """A part of the service does not answer; the same call may work later (HTTP 503 with Retry-After)."""

    code = "unavailable"
    is_temporary = True


class Busy(FaceAppError):
    """More than the caller may ask for now; `retry_after` is in seconds (HTTP 429 with Retry-After)."""

    code = "busy"

    def __init__(self, message: str, *, retry_after: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class NoRoom(FaceAppError):
    """The caller has no room left for what was to be stored (HTTP 507)."""

    code = "no_room"


def internal_error() -> FaceAppError:
    """What is said of a bug of ours (HTTP 500); its exception is in the log and in no answer."""
    return FaceAppError("An internal error; the administrator finds it in the worker's log.", code="internal")
