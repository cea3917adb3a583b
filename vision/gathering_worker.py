"""A worker whose threads share the engines of one process, and with them a card.

A worker with `--pool threads` that takes images is one. Each thread works on a message of its own: it decodes, cuts out
and stores, while one thread more runs the networks in batches (`vision.gathering`). Celery cannot stop a thread, so a
task that exceeds its time limit ends the whole worker, which whatever started it starts again.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from typing import Any, cast

from celery import Task
from celery.signals import task_postrun, task_prerun, worker_init
from django.conf import settings

from vision.exceptions import EngineUnavailable
from vision.gathering import Gatherer

ON_CARD = 16  # images of a batch by default
LAST_SECONDS = 10.0  # for the other images, when one exceeds its time
LOOK_SECONDS = 1.0

log = logging.getLogger(__name__)


def batch_images() -> int:
    """How many images a gathering worker puts into a batch."""
    return settings.BATCH_IMAGES or ON_CARD


def threads() -> int:
    """How many images a gathering worker has in hand: while one batch runs, the next is decoded."""
    return settings.WORKER_CONCURRENCY or 2 * batch_images()


def connect() -> None:
    """Have every worker that starts in this process looked at."""
    worker_init.connect(begin, dispatch_uid="vision.gathering_worker")


def begin(*, sender: Any, **_: Any) -> None:
    """Load the engines of a worker that is to gather. One whose device does not work ends with a message."""
    if not is_gathering(sender):
        return
    from vision.engines import engines, overview, runtime

    gatherer = Gatherer(images=batch_images(), seconds=settings.BATCH_MILLISECONDS / 1000)
    runtime.gather(gatherer)
    worker = GatheringWorker(gatherer)
    task_prerun.connect(worker.begin_task, weak=False)
    task_postrun.connect(worker.end_task, weak=False)
    threading.Thread(target=worker.watch, name="deadlines", daemon=True).start()
    try:
        runtime.device()
    except EngineUnavailable as error:
        raise SystemExit(error.message) from error
    engines.load()
    overview.report_device()
    gc.collect()
    gc.freeze()


def is_gathering(worker: Any) -> bool:
    """Whether a Celery worker consists of threads and takes images."""
    from celery.concurrency import get_implementation
    from celery.concurrency.thread import TaskPool

    pool = get_implementation(worker.pool_cls)
    return issubclass(pool, TaskPool) and not {"interactive", "bulk"}.isdisjoint(worker.app.amqp.queues.consume_from)


class GatheringWorker:
    """What each task of a gathering worker begins and ends with, and the watch over their time."""

    def __init__(self, gatherer: Gatherer) -> None:
        self._gatherer = gatherer
        self._deadlines: dict[str, float] = {}

    def watch(self) -> None:
        """End this process when a task is overdue."""
        while not self.is_overdue():
            time.sleep(LOOK_SECONDS)
        end_worker()

    def begin_task(self, *, task_id: str, task: Task[Any, Any], **_: Any) -> None:
        """Rank this thread's calls by the queue of its message, and note until when it may run."""
        queue = (task.request.delivery_info or {}).get("routing_key")
        order = settings.WORKER_QUEUES
        self._gatherer.rank_thread(order.index(queue) if queue in order else len(order))
        limit = task.time_limit or settings.CELERY_TASK_TIME_LIMIT
        self._deadlines[task_id] = time.monotonic() + limit

    def end_task(self, *, task_id: str, **_: Any) -> None:
        self._deadlines.pop(task_id, None)

    def is_overdue(self) -> bool:
        """Whether a task has been running for longer than it may."""
        now = time.monotonic()
        return any(deadline < now for deadline in list(self._deadlines.values()))


def end_worker() -> None:
    """Let the other tasks finish for some seconds, then end this process without waiting for the thread that hangs."""
    from celery.platforms import EX_FAILURE
    from celery.worker import state

    log.critical("A task exceeded its time limit: this worker ends, and its images are tried again.")
    state.should_stop = cast(Any, EX_FAILURE)  # no new messages
    time.sleep(LAST_SECONDS)
    os._exit(EX_FAILURE)
