"""Queues of claimed work, and what they hold."""

from __future__ import annotations

import time

from django.conf import settings

from errors import Unavailable
from vision import dispatch
from vision.dispatch import BULK, INTERACTIVE, PATIENT, queue_errors

__all__ = ["BULK", "INTERACTIVE", "PATIENT", "must_make_way", "queue_errors", "queue_length"]


def queue_length(*queues: str) -> int:
    """Messages that wait in these queues, without those that a worker holds.

    Raises `Unavailable` (`queue.unavailable`).
    """
    with queue_errors(), dispatch.handoff().pipeline(transaction=False) as commands:
        for queue in queues:
            commands.llen(queue)
        return sum(commands.execute())


def must_make_way(started: float) -> bool:
    """Whether a task that began at `started` (`time.monotonic`) is to end now and leave its other rows to a new one.

    That is when callers who wait find no free worker, and well before the task's time limit.
    """
    if time.monotonic() - started > settings.CELERY_TASK_TIME_LIMIT / 4:
        return True
    try:
        return queue_length(INTERACTIVE, PATIENT) > 0
    except Unavailable:
        return False
