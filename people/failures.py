"""How often the verification of one person may fail in an hour.

Whoever may verify could otherwise try photographs until one passes for the person. Failures are counted in Redis, for
fixed hours; an attempt counts from its beginning until it turns out not to be one, so that many at once are no way
around. While Redis is away nothing is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from redis.exceptions import RedisError

from clients.windows import Window
from people.exceptions import TooManyFailures
from people.models import Person

HOUR = 3600  # seconds
log = logging.getLogger(__name__)


class Attempt:
    """A verification; it counts for the hour if it `has_failed` in the end."""

    has_failed = False


@contextmanager
def attempt_at(person: Person) -> Iterator[Attempt]:
    """Raises `TooManyFailures`. An image that cannot be used is no failure."""
    attempt = Attempt()
    if not settings.VERIFY_FAILURES:
        yield attempt
        return
    window = Window(f"verify-failures-{person.pk}", HOUR)
    _count(window)
    try:
        yield attempt
    finally:
        if not attempt.has_failed:
            with suppress(RedisError):
                window.give_back()


def _count(window: Window) -> None:
    try:
        count = window.count()
    except RedisError as error:
        log.warning("Failed verifications are not counted: %s", type(error).__name__)
        return
    if count > settings.VERIFY_FAILURES:
        with suppress(RedisError):
            window.give_back()
        message = "The verification of this person has failed too often. Wait, or ask a manager to check the record."
        raise TooManyFailures(message, retry_after=window.left)
