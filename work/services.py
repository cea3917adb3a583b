"""Running claimed work: enqueue it, work on it, and sweep up after workers that died."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django.utils.module_loading import import_string

from errors import FaceAppError, Unavailable, internal_error
from vision.exceptions import EngineUnavailable
from work.models import ClaimedWork
from work.querysets import ClaimedWorkQuerySet
from work.queues import queue_errors, queue_length

log = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError)
TRANSIENT = (*DATABASE_AWAY, Unavailable)  # worth another try by the same task
MOST_REFILLED = 1000  # messages a sweep puts into one queue for one kind of work
Row = TypeVar("Row", bound=ClaimedWork)


def enqueue(kind: type[ClaimedWork], *, ids: Iterable[int], queue: str) -> None:
    """Send one task per row. Raises `Unavailable` (`queue.unavailable`)."""
    task = import_string(kind.task)
    with queue_errors():
        for row_id in ids:
            task.apply_async((row_id,), queue=queue)


def run(rows: ClaimedWorkQuerySet[Row], work: Callable[[Row], None], *, pk: int, task_id: str) -> None:
    """Claim a row and `work` on it, which ends with the row's `finish`. Safe to run twice: the claim decides.

    Every error becomes the row's own (`fail`), except for one of `TRANSIENT`, which is raised for the task to retry
    and does not count as an attempt. A row that was claimed too often is given up: its workers probably crash on it.
    """
    row = rows.filter(pk=pk).first() if rows.claim(pk, task_id=task_id) else None
    if row is None:  # finished or deleted, or another task has it
        return
    try:
        if row.attempts > settings.MAX_ATTEMPTS:
            message = f"Given up after {settings.MAX_ATTEMPTS} attempts: the worker stopped each time."
            row.fail(FaceAppError(message, code=row.given_up_code))
        elif error := _error_of(work, row):
            row.fail(error)
    except TRANSIENT:
        with suppress(*DATABASE_AWAY):  # it may be the database that is away
            rows.excuse(row)
        raise


def _error_of(work: Callable[[Row], None], row: Row) -> FaceAppError | None:
    """Work on the row; returns the error that is to become its own."""
    try:
        work(row)
    except EngineUnavailable as error:  # a model that is missing here, not a part of the service that is away
        return error
    except TRANSIENT:
        raise
    except FaceAppError as error:
        return error
    except Exception:
        log.exception("%s failed", row)
        return internal_error()
    return None


def sweep() -> None:
    """Give back what dead workers held, and refill queues that lost their messages.

    Runs every `SWEEP_SECONDS`, over every subclass of `ClaimedWork`. Raises `Unavailable`.
    """
    kinds: list[Any] = [model for model in apps.get_models() if issubclass(model, ClaimedWork)]
    empty = {queue for queue in {name for kind in kinds for name in kind.queues} if not queue_length(queue)}
    moment = timezone.now() - timedelta(seconds=settings.SWEEP_SECONDS)
    for kind in kinds:
        kind.objects.abandoned().give_back()
        for queue in empty.intersection(kind.queues):
            waiting = kind.objects.waiting_since(moment).in_queue(queue).order_by("pk")
            enqueue(kind, ids=waiting.values_list("pk", flat=True)[:MOST_REFILLED], queue=queue)
