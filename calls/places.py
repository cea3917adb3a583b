"""What a call holds while it is worked on, and gives back while it waits.

A web process works on a few calls with images at a time, and the others wait for their turn, in which they hold
nothing. Otherwise each step of a short call would wait for a step of everybody else: a burst of uploads would delay it
by seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection

AT_WORK = 4  # calls with images that one process works on at the same time

_places = threading.BoundedSemaphore(AT_WORK)
_turns: ContextVar[bool] = ContextVar("turns", default=False)  # whether this call works in its turn only
_holds: ContextVar[bool] = ContextVar("holds", default=False)


@contextmanager
def in_turn() -> Iterator[None]:
    """Work on a call with images: wait for a place, and hold it but for the time that is spent `aside`."""
    token = _turns.set(True)
    try:
        with working():
            yield
    finally:
        _turns.reset(token)


@contextmanager
def working() -> Iterator[None]:
    """Hold a place as `in_turn` does, in another thread of such a call. Any other call needs none."""
    if not _turns.get() or _holds.get():
        yield
        return
    with _places:
        token = _holds.set(True)
        try:
            yield
        finally:
            _holds.reset(token)


@contextmanager
def aside() -> Iterator[None]:
    """Wait for somebody else, and hold neither a place nor a connection to the database meanwhile.

    Within a transaction both are kept: whoever takes the place might wait for a row that it has locked.
    """
    if connection.in_atomic_block:
        yield
        return
    release_database()
    if not _holds.get():
        yield
        return
    token = _holds.set(False)
    _places.release()
    try:
        yield
    finally:
        _places.acquire()
        _holds.reset(token)


def release_database() -> None:
    """Give the connection of this thread back to the pool, if there is one."""
    if "pool" in connection.settings_dict["OPTIONS"] and not connection.in_atomic_block:
        connection.close()
