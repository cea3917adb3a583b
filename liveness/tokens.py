"""The signed result of a passed session: short-lived, and worth one use. The session's row says what it is good for."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from liveness.exceptions import TokenRefused

SALT = "liveness.result"


@dataclass(frozen=True)
class Token:
    """What a token carries."""

    session_id: UUID
    token_id: str


def sign(*, token: Token) -> str:
    """The text that is handed out."""
    return TimestampSigner(salt=SALT).sign(f"{token.session_id.hex}.{token.token_id}")


def read(*, text: str) -> Token:
    """The inverse of `sign`. Raises `TokenRefused`: `liveness.token_invalid` or `liveness.token_expired`."""
    try:
        value = TimestampSigner(salt=SALT).unsign(text, max_age=settings.LIVENESS_TOKEN_SECONDS)
    except SignatureExpired as error:
        raise TokenRefused("The liveness token has expired.", code="liveness.token_expired") from error
    except BadSignature as error:
        raise TokenRefused("This is no liveness token of this service.", code="liveness.token_invalid") from error
    session_id, _, token_id = value.partition(".")
    return Token(UUID(session_id), token_id)
