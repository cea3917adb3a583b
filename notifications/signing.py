"""Secrets of webhooks, and the signatures that they make."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime

from notifications.models import Subscription
from vault.keys import secret_of

PREFIX = "whsec_"


def secret_text(subscription: Subscription, *, number: int | None = None) -> str:
    """The secret as its receiver knows it, the newest unless another `number` is given. Raises as `secret_of` does."""
    number = subscription.secret_number if number is None else number
    purpose = f"webhook:{subscription.uuid}:{number}"
    return PREFIX + urlsafe_b64encode(secret_of(subscription.client_id, purpose)).decode().rstrip("=")


def valid_secrets(subscription: Subscription, *, now: datetime) -> list[str]:
    """The newest first, and after a rotation the previous one, while that is accepted."""
    numbers = [subscription.secret_number]
    if subscription.previous_until and subscription.previous_until > now:
        numbers.append(subscription.secret_number - 1)
    return [secret_text(subscription, number=number) for number in numbers]


def signature(body: bytes, *, secrets: Iterable[str], timestamp: int) -> str:
    """The header's value: `t=<seconds since 1970>,v1=<hex>`, with another `v1` for each further secret.

    Each is the HMAC-SHA256 of `<timestamp>.<body>` with the text of the secret as its key.
    """
    message = f"{timestamp}.".encode() + body
    made = [hmac.new(secret.encode(), message, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={one}" for one in made)])
