"""Refusals of liveness checks. Codes are stable and documented in docs/errors.md."""

from errors import Conflict, InvalidInput, NotFound


class NotLive(InvalidInput):
    """The frames do not show what was asked for; `code` says in which way."""

    code = "liveness.failed"


class SessionNotFound(NotFound):
    """No such session of this client."""

    code = "liveness.not_found"


class SessionClosed(Conflict):
    """The session takes no more frames: expired, passed, cancelled, or its attempts are used up."""

    code = "liveness.closed"


class TokenRefused(InvalidInput):
    """A result token that does not vouch for what it was handed in for."""

    code = "liveness.token_invalid"


class FaceNotFound(InvalidInput):
    """No face where one is needed (`face.none`), or several prominent ones (`face.several`)."""

    code = "face.none"
