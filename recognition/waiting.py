"""Waiting for a job: workers announce finished images over a PostgreSQL notification channel.

One connection of each process listens, as long as somebody waits; who waits holds none.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from calls.caller import LOOK_SECONDS, caller_is_gone
from calls.places import aside
from recognition.models import CHANNEL, Job
from vision import callers
from work.services import DATABASE_AWAY

RECONNECT_SECONDS = 0.5
ASK_SECONDS = 5.0  # how often who waits asks the rows, in case an announcement was lost


class Waiter:
    """Somebody who waits for a job. `is_behind`: what was announced is not known, so that the rows have to be asked."""

    def __init__(self) -> None:
        self.finished: set[int] = set()
        self.is_behind = False
        self.woken = threading.Event()

    def tell(self, *images: int) -> None:
        """These images are finished; without any: some are."""
        self.finished.update(images)
        self.is_behind |= not images
        self.woken.set()


class Listener:
    """Hears what is announced about the jobs that somebody in this process waits for."""

    def __init__(self) -> None:
        self._waiters: dict[str, list[Waiter]] = defaultdict(list)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def waiter(self, job: str) -> Iterator[Waiter]:
        waiter = Waiter()
        with self._lock:
            self._waiters[job].append(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="finished-images", daemon=True)
                self._thread.start()
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters[job].remove(waiter)
                if not self._waiters[job]:
                    del self._waiters[job]

    def _run(self) -> None:
        while self._is_wanted():
            try:
                self._listen()
            except DATABASE_AWAY:
                time.sleep(RECONNECT_SECONDS)
            finally:
                connection.close()

    def _listen(self) -> None:
        """Until nobody waits."""
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
            for waiter in self._all():
                waiter.tell()  # of what was announced before
            while self._waiters:
                with connection.wrap_database_errors:
                    notes = list(connection.connection.notifies(timeout=1.0, stop_after=1))
                for note in notes:
                    job, *images = note.payload.split()
                    for waiter in self._all(job):
                        waiter.tell(*map(int, images))
            cursor.execute(f"UNLISTEN {CHANNEL}")

    def _all(self, *jobs: str) -> list[Waiter]:
        with self._lock:
            return [waiter for job in jobs or self._waiters for waiter in self._waiters.get(job, ())]

    def _is_wanted(self) -> bool:
        with self._lock:
            if not self._waiters:
                self._thread = None
            return bool(self._waiters)


listener = Listener()


def wait_for_job(*, job: Job, seconds: float) -> bool:
    """Wait until every image of the job is finished; False when the deadline comes first, or the caller leaves. Nothing
    is lost then.

    If the database restarts in the meantime, waiting resumes, within the deadline: the job goes on, and its caller need
    not ask for it a second time.
    """
    deadline = time.monotonic() + seconds
    with listener.waiter(job.pk.hex) as waiter:
        while waiting := _unfinished(job, deadline):
            waiter.is_behind = False
            with aside():
                _wait_for_news(waiter, waiting, until=min(deadline, time.monotonic() + ASK_SECONDS))
            if waiting - waiter.finished and (time.monotonic() >= deadline or caller_is_gone()):
                return False
    return True


def _wait_for_news(waiter: Waiter, waiting: set[int], *, until: float) -> None:
    while waiting - waiter.finished and not waiter.is_behind and not caller_is_gone():
        left = until - time.monotonic()
        if left <= 0:
            break
        callers.still_waiting()
        waiter.woken.wait(min(left, LOOK_SECONDS))
        waiter.woken.clear()


def _unfinished(job: Job, deadline: float) -> set[int]:
    while True:
        try:
            return set(job.images.unfinished().values_list("pk", flat=True))
        except DATABASE_AWAY:
            if connection.in_atomic_block or time.monotonic() + RECONNECT_SECONDS > deadline:
                raise
            connection.close()
            time.sleep(RECONNECT_SECONDS)
