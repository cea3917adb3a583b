"""Work that survives: a row is claimed by a task, worked on, and finished."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from errors import FaceAppError
from work.queues import BULK
from work.types import Submission


class Status(models.TextChoices):
    """The life of a piece of work.

        uploaded ◀─────────▶ pending ◀─────────▶ processing ─────▶ done, rejected, failed
                 queue /        │    claim /         │      finish
                 withdraw       │    give back       │
                                └───────┬────────────┘
                                        ▼ cancel
                                    cancelled

    `uploaded` waits for its caller, `pending` for a worker. `rejected`: finished, and the result is not good enough to
    be used. `TRANSITIONS` is the same drawing for the code: `ClaimedWorkQuerySet.move_to` makes no other step.
    """

    UPLOADED = "uploaded"
    PENDING = "pending"
    PROCESSING = "processing"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: dict[Status, set[Status]] = {
    Status.UPLOADED: {Status.PENDING},
    Status.PENDING: {Status.PROCESSING, Status.UPLOADED, Status.CANCELLED},
    Status.PROCESSING: {
        Status.PROCESSING,  # claimed again: by the same task, or after the lease of a dead one
        Status.PENDING,
        Status.DONE,
        Status.REJECTED,
        Status.FAILED,
        Status.CANCELLED,
    },
}
UNFINISHED = [Status.PENDING, Status.PROCESSING]
FINISHED = [Status.DONE, Status.REJECTED, Status.FAILED, Status.CANCELLED]


class ClaimedWork(models.Model):
    """A row that a worker takes, alone or with others. Only the task that holds the claim may store an outcome.

    The manager of a subclass comes from a `ClaimedWorkQuerySet`. `work.services.sweep` finds every subclass by itself.
    """

    task: ClassVar[str]  # dotted path of the Celery task that takes a list of primary keys
    queues: ClassVar[tuple[str, ...]] = (BULK,)
    batch: ClassVar[int] = 1  # rows in one message of the bulk queue
    owner: ClassVar[str]  # path to the number of the client whose work it is
    searches: ClassVar[bool] = False  # whether it waits while searching is stopped
    given_up_code: ClassVar[str] = "processing.given_up"

    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=64, blank=True, default="", help_text="The task that works on it.")
    error_code = models.CharField(max_length=50, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @classmethod
    def lease(cls) -> timedelta:
        """How long a claim holds: the hard time limit of a task, and some seconds for the worker to notice."""
        return timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 10)

    @transaction.atomic
    def finish(self, status: Status, **outcome: Any) -> bool:
        """Store the outcome, unless the row is gone, was cancelled or was claimed by another task in the meantime.

        Returns whether it was stored. Subclasses extend it where more belongs to the same transaction.
        """
        rows: Any = type(self)._default_manager
        return bool(rows.held_as(self).move_to(status, finished_at=timezone.now(), **outcome))

    def fail(self, error: FaceAppError) -> bool:
        """`finish` with an error that callers may read."""
        return self.finish(Status.FAILED, error_code=error.code, error=error.message[:500])


class ClaimedImage(ClaimedWork):
    """A submitted image on its way through the workers. Subclasses have a file, `image`."""

    batch = 8

    identifier = models.CharField(max_length=110, help_text="What the caller sent, shortened.")
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    milliseconds = models.FloatField(null=True, blank=True, help_text="Time in the worker.")

    class Meta:
        abstract = True

    def take(self, submission: Submission) -> None:
        """Record what is known of a submitted image: its size, or why it has already failed. Does not save the row."""
        self.identifier = submission.identifier
        if submission.error:
            self.status, self.finished_at = Status.FAILED, timezone.now()
            self.error_code, self.error = submission.error.code, submission.error.message
        elif submission.info:
            self.width, self.height = submission.info.width, submission.info.height
