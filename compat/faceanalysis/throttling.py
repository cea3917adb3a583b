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

    def exceeded(self, request: Request) -> bool:
        """Whether the limit is reached, without counting this request."""
        self.num_requests, self.duration = self.parse_rate(self.rate_of(request) or None)
        if self.num_requests is None or self.duration is None:
            return False
        self.now = self.timer()
        count = self.cache.get(self.window_key(request, None), 0)
        return bool(count >= self.num_requests)


def check_guesses(request: Request, username: str) -> None:
    """Raises `Throttled`."""
    throttle = GuessThrottle(username)
    if throttle.exceeded(request):
        raise Throttled(throttle.wait())


def count_guess(request: Request, username: str) -> None:
    """Count a wrong password. Raises `Throttled` if one address tries many names."""
    GuessThrottle(username).allow_request(request, None)
    FailedKeyThrottle().count(request)
