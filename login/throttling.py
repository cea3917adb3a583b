"""Limits on wrong passwords of people, counted before anything is hashed."""

from __future__ import annotations

import hashlib
from math import ceil
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from clients.throttling import WindowThrottle


class LoginThrottle(WindowThrottle):
    """Counts what `ident` names, up to the rate in the setting `limit`."""

    scope = "login"

    def __init__(self, limit: str, *ident: str) -> None:
        self.limit = limit
        self.ident = hashlib.sha256("\0".join(ident).encode()).hexdigest()[:32]

    def rate_of(self, request: Any) -> str:
        rate: str = getattr(settings, self.limit)
        return rate

    def get_cache_key(self, request: Any, view: Any) -> str:
        return self.cache_format % {"scope": f"{self.scope}-{self.limit}", "ident": self.ident}


class Attempt:
    """A password that is about to be checked. It counts until it turns out to be right.

    The name from this address is counted first: one address cannot use up the limit that a name has everywhere. Beyond
    any limit the right password is refused as well. Raises `RedisError` while nothing can be counted.
    """

    def __init__(self, request: HttpRequest, username: str) -> None:
        name, address = username.strip().casefold(), address_of(request)
        self.request = request
        self.throttles = (
            LoginThrottle("LOGIN_LIMIT", name, address),
            LoginThrottle("LOGIN_ADDRESS_LIMIT", address),
            LoginThrottle("LOGIN_NAME_LIMIT", name),
        )

    def count(self) -> int:
        """0 if the password may be checked, otherwise the minutes until the next attempt."""
        for throttle in self.throttles:
            if not throttle.allow_request(self.request, None):  # type: ignore[arg-type]  # reads its address alone
                return ceil((throttle.wait() or 0) / 60)
        return 0

    def was_right(self) -> None:
        """It does not count."""
        for throttle in self.throttles:
            throttle.give_back()


def address_of(request: HttpRequest) -> str:
    """The caller's address behind the trusted proxies of FACEAPP_PROXIES; may be anything that a proxy was told."""
    ident = WindowThrottle().get_ident(request)  # type: ignore[arg-type]
    return (ident or "").strip()
