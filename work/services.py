"""Running claimed work: enqueue it, work on it, and sweep up after workers that died."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Count, Min, Value
from django.utils import timezone
from django.utils.module_loading import import_string

from clients.models import Client
from errors import FaceAppError, Unavailable, internal_error
from telemetry.request_ids import acting_as
from vision import dispatch
from vision.exceptions import EngineUnavailable
from work.models import ClaimedWork, Status
from work.querysets import ClaimedWorkQuerySet
from work.queues import BULK, must_make_way, queue_errors, queue_length
from work.types import Backlog

log = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError)
TRANSIENT = (*DATABASE_AWAY, Unavailable)  # worth another try by the same task
MOST_REFILLED = 1000  # rows for which a sweep fills one queue, of each kind of work
SWEEP_ID = "sweep"  # in the place of a request's id
SPREAD = 4  # tasks at least for as many rows, so that a small job does not wait for one worker
Row = TypeVar("Row", bound=ClaimedWork)
Work = Callable[[Sequence[Row]], Sequence[Row]]


def enqueue(kind: type[ClaimedWork], *, ids: Iterable[int], queue: str, client: int) -> None:
    """Send tasks for these rows: several rows a task where nobody waits. Each is sent when it is the client's turn.

    `client`: the number of the client whose rows they are; the worker sees no others. Raises `Unavailable`
    (`queue.unavailable`).
    """
    task, waiting = import_string(kind.task), list(ids)
    size = max(min(kind.batch, len(waiting) // SPREAD), 1) if queue == BULK else 1
    with queue_errors():
        for start in range(0, len(waiting), size):
            dispatch.send(task, (waiting[start : start + size],), queue=queue, client=str(client))


def run(rows: ClaimedWorkQuerySet[Row], work: Work[Row], *, ids: Sequence[int], task_id: str) -> None:
    """Claim rows and `work` on them, which ends with the `finish` of each. Safe to run twice: the claim decides.

    `work` is given rows, and returns those that it leaves for another task. Every error becomes the row's own (`fail`),
    except for one of `TRANSIENT`, which is raised for the task to retry and does not count as an attempt.

    Rows are worked on together, but for those that were tried before: their workers may have crashed on one of them.
    Each of these is worked on alone, and given up if it was claimed too often.
    """
    started, rows = time.monotonic(), rows.not_stopped()
    together = rows.claim(ids, task_id=task_id, untried=True) if len(ids) > 1 else []
    if together:
        _work_on(together, rows, work)
    taken = {row.pk for row in together}
    rest = [pk for pk in ids if pk not in taken]
    for number, pk in enumerate(rest):
        if (together or number) and must_make_way(started):
            _leave(rows, rest[number:], task_id)
            break
        for row in rows.claim([pk], task_id=task_id):
            if row.attempts > settings.MAX_ATTEMPTS:
                message = f"Given up after {settings.MAX_ATTEMPTS} attempts: the worker stopped each time."
                row.fail(FaceAppError(message, code=row.given_up_code))
            else:
                _work_on([row], rows, work)


def _work_on(claimed: Sequence[Row], rows: ClaimedWorkQuerySet[Row], work: Work[Row]) -> None:
    """Work on rows of one task; each alone where they fail together."""
    task_id = claimed[0].claim
    held = rows.filter(pk__in=[row.pk for row in claimed]).held_by(task_id)
    try:
        if left := [row.pk for row in work(claimed)]:
            held.filter(pk__in=left).excuse()
            _leave(rows, left, task_id)
        return
    except TRANSIENT as error:
        if not is_for_good(error):
            with suppress(*DATABASE_AWAY):  # it may be the database that is away
                held.excuse()
            raise
        failure: Exception = error
    except Exception as error:
        failure = error
    if len(claimed) > 1:
        for row in list(held):
            _work_on([row], rows, work)
    elif isinstance(failure, FaceAppError):
        claimed[0].fail(failure)
    else:
        log.error("%s failed", claimed[0], exc_info=failure)
        claimed[0].fail(internal_error())


def is_for_good(error: Exception) -> bool:
    """Whether trying again soon is no use: a model that is missing here, or credentials that are refused elsewhere."""
    return isinstance(error, EngineUnavailable) or (isinstance(error, Unavailable) and not error.is_temporary)


def _leave(rows: ClaimedWorkQuerySet[Row], ids: Sequence[int], task_id: str) -> None:
    """Let another task work on these rows. Without a queue the sweep sends it."""
    left = rows.filter(pk__in=ids)
    left.held_by(task_id).give_back()
    client = left.values_list(rows.model.owner, flat=True).first()
    if client is not None:
        with suppress(Unavailable):
            enqueue(rows.model, ids=ids, queue=BULK, client=client)


def has_older_work(*, client: Client, than: datetime) -> bool:
    """Whether work of this client is unfinished that was submitted before this moment."""
    of_clients = [kind for kind in _kinds() if any(field.name == "client" for field in kind._meta.fields)]
    return any(kind.objects.unfinished().filter(client=client, created_at__lt=than).exists() for kind in of_clients)


def sweep() -> None:
    """Give back what dead workers held, and refill queues that lost their messages.

    Runs every `SWEEP_SECONDS`, over every subclass of `ClaimedWork`. Rows do not know the request that they came with:
    what is sent again has `SWEEP_ID` instead. Raises `Unavailable`.
    """
    kinds = _kinds()
    queues = {name for kind in kinds for name in kind.queues}
    empty = {queue for queue in queues if not queue_length(queue) and not dispatch.waiting(queue)}
    moment = timezone.now() - timedelta(seconds=settings.SWEEP_SECONDS)
    for kind in kinds:
        kind.objects.abandoned().give_back()
        for queue in empty.intersection(kind.queues):
            waiting = kind.objects.not_stopped().waiting_since(moment).in_queue(queue).order_by("pk")
            rows = waiting.values_list(kind.owner, "pk")[:MOST_REFILLED]
            for client, own in groupby(sorted(rows), key=itemgetter(0)):
                with acting_as(SWEEP_ID):
                    enqueue(kind, ids=[pk for _, pk in own], queue=queue, client=client)


def _kinds() -> list[Any]:
    """Every subclass of `ClaimedWork`."""
    return [model for model in apps.get_models() if issubclass(model, ClaimedWork)]


def backlogs() -> list[Backlog]:
    """What waits for a worker, by kind of work."""
    kinds = {kind._meta.label_lower: kind.objects.filter(status=Status.PENDING).order_by() for kind in _kinds()}
    first, *others = (
        rows.values(kind=Value(name)).annotate(count=Count("pk"), oldest=Min("queued_at"))
        for name, rows in kinds.items()
    )
    waiting = {row["kind"]: row for row in first.union(*others, all=True)}  # one query, whose rows have no order
    found = []
    for name in kinds:
        count, oldest = (waiting[name]["count"], waiting[name]["oldest"]) if name in waiting else (0, None)
        age = timezone.now() - oldest if oldest else timedelta()
        found.append(Backlog(name, count, age.total_seconds()))
    return found
