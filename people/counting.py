"""How many people a search covers, which decides how strict it is."""

from __future__ import annotations

import time
from collections.abc import Sequence

from people.models import Person

COUNTED = 10_000  # people who are counted anew for every search; that takes a few milliseconds
KEPT = 50.0  # times as long as it took, a larger number is used again: counting takes 2 % of the time at most
LONGEST = 5.0  # seconds

_kept: dict[tuple[int, ...], tuple[float, int]] = {}  # until when, and the number


def people_in(gallery_ids: Sequence[int]) -> int:
    """How many people these galleries hold now, with a face or without.

    In galleries of more than `COUNTED` people the number may be some seconds old: what is enrolled meanwhile changes it
    by a small share only.
    """
    key, started = tuple(sorted(gallery_ids)), time.monotonic()
    until, number = _kept.get(key, (0.0, 0))
    if started < until:
        return number
    number = Person.objects.count_in(gallery_ids)
    if number > COUNTED:
        if len(_kept) > 1000:
            _kept.clear()
        now = time.monotonic()
        _kept[key] = now + min(KEPT * (now - started), LONGEST), number
    return number
