"""Waiting for a job: workers announce finished images over a PostgreSQL notification channel."""

from __future__ import annotations

import time

from django.db import connection

from recognition.models import Job
from vision import callers
from work.services import DATABASE_AWAY

RECONNECT_SECONDS = 0.5


def wait_for_job(*, job: Job, seconds: float) -> bool:
    """Wait until every image of the job is finished; False when the deadline comes first. Nothing is lost then.

    If the database restarts in the meantime, waiting resumes, within the deadline: the job goes on, and its caller need
    not ask for it a second time.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _listen(job, deadline)
        except DATABASE_AWAY:
            if connection.in_atomic_block or time.monotonic() + RECONNECT_SECONDS > deadline:
                raise
            connection.close()
            time.sleep(RECONNECT_SECONDS)


def _listen(job: Job, deadline: float) -> bool:
    """One connection's part of `wait_for_job`."""
    with connection.cursor() as cursor:
        cursor.execute(f'LISTEN "{job.channel}"')
        try:
            waiting = _unfinished(job)
            while waiting:
                callers.still_waiting()
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                with connection.wrap_database_errors:
                    notes = list(connection.connection.notifies(timeout=min(left, 1.0), stop_after=1))
                finished = {int(number) for note in notes for number in note.payload.split()}
                # announced images are finished; in silence, or after more than one image, ask the rows
                waiting = waiting - finished if finished else _unfinished(job)
        finally:
            cursor.execute(f'UNLISTEN "{job.channel}"')
    return True


def _unfinished(job: Job) -> set[int]:
    return set(job.images.unfinished().values_list("pk", flat=True))
