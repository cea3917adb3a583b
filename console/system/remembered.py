"""Figures that take long to count: all processes share them for a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from django.core.cache import cache
from redis.exceptions import RedisError

SECONDS = 30
Figures = TypeVar("Figures")


def remembered(key: str, count: Callable[[], Figures]) -> Figures:
    """What was counted in the last `SECONDS`, or is counted now. The key names whose figures they are."""
    with suppress(RedisError):
        if (known := cache.get(key)) is not None:
            found: Figures = known
            return found
    counted = count()
    with suppress(RedisError):
        cache.set(key, counted, SECONDS)
    return counted
