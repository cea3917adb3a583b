"""Rate limits, counted in the cache so that all web processes share them."""

from __future__ import annotations

import logging
from contextlib import suppress
from math import ceil
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from clients.models import ApiKey

log = logging.getLogger(__name__)


class WindowThrottle(SimpleRateThrottle):
    """Counts the requests of each fixed window in one atomic counter.

    DRF keeps the time of every request in a list that it reads and writes in two steps: at 1,200 requests a minute
    that costs more than the request, and parallel requests slip through. The price here is that a caller may spend
    two allowances in a row around the end of a window.
    """

    def get_rate(self) -> str | None:
        return None  # known with the request only

    def rate_of(self, request: Request) -> str:
        """The rate, such as 60/min; empty for no limit."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        self.num_requests, self.duration = self.parse_rate(self.rate_of(request) or None)
        if self.num_requests is None or self.duration is None:
            return True
        self.now = self.timer()
        key = self.window_key(request, view)
        # Twice the window: a counter that expired between the two commands would come back without an end.
        self.cache.add(key, 0, 2 * self.duration)
        return bool(self.cache.incr(key) <= self.num_requests)

    def give_back(self, request: Request) -> None:
        """Take back what `allow_request` counted last."""
        with suppress(ValueError):  # the window has ended
            if self.num_requests is not None:
                self.cache.decr(self.window_key(request, None))

    def window_key(self, request: Request, view: Any) -> str:
        """Of the counter of the window in which `now` lies."""
        window = int(self.now // (self.duration or 1))
        return f"{self.get_cache_key(request, view)}_{self.duration}_{window}"

    def wait(self) -> float | None:
        """Seconds until the next window."""
        return ceil(self.duration - self.now % self.duration) if self.duration else None


class ClientRateThrottle(WindowThrottle):
    """Each key has its own allowance; users of a client, and callers without a key, share their client's.

    While Redis is away or full nobody is counted, and what needs no queue is answered.
    """

    scope = "client"

    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            return super().allow_request(request, view)
        except RedisError as error:
            log.warning("Requests are not counted: %s", type(error).__name__)
            return True

    def rate_of(self, request: Request) -> str:
        own = request.auth.rate_limit if isinstance(request.auth, ApiKey) else ""
        return own or settings.RATE_LIMIT

    def get_cache_key(self, request: Request, view: Any) -> str:
        if isinstance(request.auth, ApiKey):
            ident = f"key_{request.auth.prefix}"
        elif client := getattr(request, "client", None):
            ident = f"client_{client.pk}"
        else:
            ident = f"address_{self.get_ident(request)}"
        return self.cache_format % {"scope": self.scope, "ident": ident}


class FailedKeyThrottle(WindowThrottle):
    """Answers 429 instead of 401 to an address that keeps sending wrong keys; good keys are never refused by it.

    A key has 190 random bits, so it cannot be guessed: this slows down misconfigured callers.
    """

    scope = "failed-key"

    def rate_of(self, request: Request) -> str:
        limit: str = settings.FAILED_KEY_LIMIT
        return limit

    def get_cache_key(self, request: Request, view: Any) -> str:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}

    def count(self, request: Request) -> None:
        """Count one refused key. Raises `Throttled` beyond the limit."""
        if not self.allow_request(request, None):
            raise Throttled(self.wait())
