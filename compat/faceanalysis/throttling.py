"""Limits on wrong passwords."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from clients.throttling import FailedKeyThrottle, WindowThrottle


class GuessThrottle(WindowThrottle):
    """Counts wrong passwords for one name from one address. Unlike a key, a password may be guessed: beyond the limit
    the right one is refused too. Other names and other addresses are not affected."""

    scope = "failed-login"

    def __init__(self, username: str) -> None:
        self.username = hashlib.sha256(username.encode()).hexdigest()[:32]

    def rate_of(self, request: Request) -> str:
        limit: str = settings.FACEANALYSIS_LOGIN_LIMIT
        return limit

    def get_cache_key(self, request: Request, view: Any) -> str:
        return self.cache_format % {"scope": self.scope, "ident": f"{self.get_ident(request)}_{self.username}"}


class RegistrationThrottle(FailedKeyThrottle):
    """Counts the accounts that one address wants to make."""

    scope = "registration"


class Attempt:
    """A password that is about to be checked. It counts until it turns out to be right, so that no hash is computed
    for callers who are over their limit, however many they send at once.
    """

    def __init__(self, request: Request, username: str) -> None:
        self.request = request
        self.throttles = (GuessThrottle(username), FailedKeyThrottle())

    def count(self) -> None:
        """Raises `Throttled` if the name or the address is over its limit."""
        for throttle in self.throttles:
            if not throttle.allow_request(self.request, None):
                raise Throttled(throttle.wait())

    def was_right(self) -> None:
        """It does not count."""
        for throttle in self.throttles:
            throttle.give_back()
