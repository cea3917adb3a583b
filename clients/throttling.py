"""Rate limits, counted in the cache so that all web processes share them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from clients.models import ApiKey
from clients.windows import Window

log = logging.getLogger(__name__)


class WindowThrottle(SimpleRateThrottle):
    """Counts the requests of each fixed window in one atomic counter.

    DRF keeps the time of every request in a list that it reads and writes in two steps: at 1,200 requests a minute
    that costs more than the request, and parallel requests slip through.
    """

    window: Window | None = None  # in which the last request was counted

    def get_rate(self) -> str | None:
        return None  # known with the request only

    def rate_of(self, request: Request) -> str:
        """The rate, such as 60/min; empty for no limit."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        self.num_requests, self.duration = self.parse_rate(self.rate_of(request) or None)
        if self.num_requests is None or self.duration is None:
            return True
        self.window = Window(self.get_cache_key(request, view) or "", self.duration)
        return self.window.count() <= self.num_requests

    def give_back(self) -> None:
        """Take back what `allow_request` counted last."""
        if self.window:
            self.window.give_back()

    def wait(self) -> float | None:
        """Seconds until the next window."""
        return self.window.left if self.window else None


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


def requests_now(keys: Iterable[ApiKey]) -> dict[str, int]:
    """How many requests of each key, by its prefix, count towards its limit now. Those without a limit are not counted.

    Empty while Redis is away.
    """
    throttle, names = ClientRateThrottle(), dict[str, str]()
    for key in keys:
        limit, seconds = throttle.parse_rate(key.rate_limit or settings.RATE_LIMIT or None)
        if limit is not None and seconds:
            ident = f"key_{key.prefix}"
            names[Window(throttle.cache_format % {"scope": throttle.scope, "ident": ident}, seconds).key] = key.prefix
    try:
        found = cache.get_many(names)
    except RedisError as error:
        log.warning("Requests cannot be counted: %s", type(error).__name__)
        return {}
    return {prefix: int(found.get(name, 0)) for name, prefix in names.items()}


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
