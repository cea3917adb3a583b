"""How many people a search covers, which decides how strict it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

COUNTED = 10_000  # people who are counted anew for every search; that takes a few milliseconds
KEPT = 50.0  # times as long as it took, a larger number is used again: counting takes 2 % of the time at most
LONGEST = 5.0  # seconds

_kept: dict[Hashable, tuple[float, int]] = {}  # until when, and the number


def how_many(key: Hashable, count: Callable[[], int]) -> int:
    """What `count` returns. `key` names what is counted.

    Of more than `COUNTED` the number may be some seconds old: what is enrolled meanwhile changes it by a small share
    only.
    """
    started = time.monotonic()
    until, number = _kept.get(key, (0.0, 0))
    if started < until:
        return number
    number = count()
    if number > COUNTED:
        if len(_kept) > 1000:
            _kept.clear()
        now = time.monotonic()
        _kept[key] = now + min(KEPT * (now - started), LONGEST), number
    return number
