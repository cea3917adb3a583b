"""Refusals of liveness checks. Codes are stable and documented in docs/errors.md."""

from errors import Busy, Conflict, InvalidInput, NotFound

# Why frames do not prove a living person.
REQUIRED = "liveness.required"
FRAMES_REQUIRED = "liveness.frames_required"
SPOOF = "liveness.spoof"
REPEATED = "liveness.repeated"
OTHER_FACE = "liveness.other_face"
NO_FACE = "liveness.no_face"


class NotLive(InvalidInput):
    """The frames do not show what was asked for; `code` says in which way."""

    code = "liveness.failed"


class TooManySessions(Busy):
    """As many sessions are open as one person, or the client, may have."""

    code = "liveness.too_many_sessions"


class SessionNotFound(NotFound):
    """No such session of this client."""

    code = "liveness.not_found"


class SessionClosed(Conflict):
    """The session takes no more frames: expired, passed, cancelled, or out of attempts."""

    code = "liveness.closed"


class TokenRefused(InvalidInput):
    """A result token that is not valid for this call."""

    code = "liveness.token_invalid"
