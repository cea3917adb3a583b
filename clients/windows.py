"""Counting in fixed windows of time, in the cache so that all processes share the counters."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil

from django.core.cache import cache


@dataclass(frozen=True)
class Window:
    """The window of so many seconds in which `at` lies, of the counter with this name. Methods raise `RedisError`.

    The price of fixed windows is that two allowances can be spent in a row around the end of one.
    """

    name: str
    seconds: int
    at: float = field(default_factory=time.time)

    @property
    def key(self) -> str:
        return f"{self.name}_{self.seconds}_{int(self.at // self.seconds)}"

    @property
    def left(self) -> int:
        """Seconds until the next window."""
        return ceil(self.seconds - self.at % self.seconds)

    def count(self) -> int:
        """Count one more. Returns how many that makes; each caller gets another number."""
        # Twice the window: a counter that expired between the two commands would come back without an end.
        cache.add(self.key, 0, 2 * self.seconds)
        return cache.incr(self.key)

    def give_back(self) -> None:
        """Count one less, unless the counter is gone."""
        with suppress(ValueError):
            cache.decr(self.key)
