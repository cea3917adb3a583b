"""Calls that wait for workers, client by client.

Each occupies a connection of the web server, and the memory of its images. A client may hold `CLIENT_WAITING` of them
in all web processes together, so that connections and memory are left for others. Redis keeps, for each client, the
calls with the time after which they are taken for lost; a call that goes on waiting moves that time on.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from vision import dispatch
from vision.exceptions import TooManyWaiting

LOST_SECONDS = 60  # until the place of a call is free that has not been heard of, because its process died
HEARD_SECONDS = 10.0  # how often a waiting call is heard of
RETRY_AFTER = 1

# KEYS: calls that wait. ARGV: limit, seconds until lost, call. Answers 1 if the call may wait, or does so already.
ENTER = f"""{dispatch.NOW}
if not redis.call('ZSCORE', KEYS[1], ARGV[3]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
enter(ARGV[3])
return 1
"""


@dataclass
class _Place:
    client: str
    call: str = field(default_factory=lambda: uuid.uuid4().hex)
    heard: float = field(default_factory=time.monotonic)

    def enter(self) -> bool:
        """Without a queue everybody may wait: whoever does is told about it soon."""
        try:
            return bool(_enter()([self.key], [settings.CLIENT_WAITING, LOST_SECONDS, self.call]))
        except RedisError:
            return True

    def leave(self) -> None:
        with suppress(RedisError):
            dispatch.counters().zrem(self.key, self.call)

    @property
    def key(self) -> str:
        return f"faceapp:callers:{self.client}"


_place: ContextVar[_Place | None] = ContextVar("place", default=None)


@contextmanager
def waiting() -> Iterator[None]:
    """Hold a place of the client for whom this thread acts, one for the whole call. Raises `TooManyWaiting`."""
    client = dispatch.acting_for()
    if not client or not settings.CLIENT_WAITING or _place.get():
        yield
        return
    place = _Place(client)
    if not place.enter():
        message = f"{settings.CLIENT_WAITING} calls of this client wait for an answer. Try again when one is answered."
        raise TooManyWaiting(message, retry_after=RETRY_AFTER)
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)
        place.leave()


def still_waiting() -> None:
    """To be called every few seconds while a call waits."""
    place = _place.get()
    if place and time.monotonic() - place.heard >= HEARD_SECONDS:
        place.heard = time.monotonic()
        place.enter()


@lru_cache(maxsize=1)
def _enter() -> Callable[..., Any]:
    return dispatch.counters().register_script(ENTER)
