"""The signed result of a passed session: short-lived and valid once. The session's row says for what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from liveness.exceptions import TokenRefused

SALT = "liveness.result"
PAYLOAD = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{1,64})", re.ASCII)  # session, token
UNREADABLE = (ValueError, IndexError, OverflowError)  # a time that is no number of seconds, or a lone surrogate


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
    except (BadSignature, *UNREADABLE) as error:
        raise TokenRefused("This is not a liveness token of this service.") from error
    payload = PAYLOAD.fullmatch(value)
    if payload is None:
        raise TokenRefused("This is not a liveness token of this service.")
    return Token(UUID(payload[1]), payload[2])
