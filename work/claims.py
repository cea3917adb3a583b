"""Stored images that workers process one by one: a task claims a row, works on it, and stores the outcome.

Screening and albums have rows of this kind. What they do with an image is theirs; who may do it, and what becomes of it
when a worker dies or a part of the service is away, is said here once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Self, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, models
from django.db.models import F, Q
from django.utils import timezone

from errors import FaceAppError, InvalidInput, Unavailable
from vision.exceptions import EngineUnavailable
from work.types import Submission

log = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError)
TRANSIENT = (*DATABASE_AWAY, Unavailable)  # worth another try by the same task

Row = TypeVar("Row", bound="ClaimedImage")


class Status(models.TextChoices):
    """The life of an image, and of a job as its images stand together."""

    PENDING = "pending"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = [Status.PENDING, Status.PROCESSING]


class ClaimedImageQuerySet(models.QuerySet[Row]):
    def unfinished(self) -> Self:
        return self.filter(status__in=UNFINISHED)

    def claim(self, image_id: int, *, task_id: str) -> bool:
        """Take a pending image for one task, in one UPDATE. False when it is finished or another task has it.

        A task whose worker died is delivered again under the same id and may take its image up again; a claim that
        outlived every time limit is void.
        """
        void = timezone.now() - lease()
        free = Q(status="pending") | Q(status="processing", claim=task_id) | Q(status="processing", started_at__lt=void)
        claimed = self.filter(free, pk=image_id).update(
            status="processing", claim=task_id, started_at=timezone.now(), attempts=F("attempts") + 1
        )
        return bool(claimed)

    def held_as(self, image: Row) -> Self:
        """The row of `image` while its task still holds the claim."""
        return self.filter(pk=image.pk, status="processing", claim=image.claim)

    def forget_attempt(self, image_id: int, *, task_id: str) -> None:
        """A run that failed for a reason outside of the image does not count."""
        self.filter(pk=image_id, status="processing", claim=task_id).update(attempts=F("attempts") - 1)

    def abandoned(self) -> Self:
        """Claimed, but for longer than any task may run: the worker died."""
        return self.filter(status="processing", started_at__lt=timezone.now() - lease())

    def give_back_abandoned(self) -> int:
        """Let another task take what dead workers held. Returns how many."""
        return self.abandoned().update(status="pending", claim="")


class ClaimedImage(models.Model):
    """An image with its way through the workers."""

    identifier = models.CharField(max_length=110, help_text="What the caller sent, shortened.")
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=64, blank=True, default="", help_text="The task that works on it.")
    error_code = models.CharField(max_length=50, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    milliseconds = models.FloatField(null=True, blank=True, help_text="Time in the worker.")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def take(self, submission: Submission) -> None:
        """Note what is known of a submitted image: its size, or why it has failed already. The row is not saved."""
        self.identifier = submission.identifier
        if submission.error:
            self.status, self.finished_at = Status.FAILED, timezone.now()
            self.error_code, self.error = submission.error.code, submission.error.message
        elif submission.info:
            self.width, self.height = submission.info.width, submission.info.height


def work_on(
    rows: ClaimedImageQuerySet[Row],
    *,
    image_id: int,
    task_id: str,
    work: Callable[[Row], None],
    fail: Callable[[Row, FaceAppError], None],
) -> None:
    """Claim one image and `work` on it. Safe to run twice: whoever holds the claim stores the outcome.

    Every failure but a transient one becomes the image's own (`fail`). A run that ends because a part of the service
    does not answer raises one of `TRANSIENT` and is no attempt.
    """
    if not rows.claim(image_id, task_id=task_id):
        return
    image = rows.filter(pk=image_id).first()
    if image is None:  # deleted meanwhile
        return
    try:
        if image.attempts > settings.MAX_ATTEMPTS:
            message = f"Given up after {settings.MAX_ATTEMPTS} attempts: the worker stopped each time."
            fail(image, Unavailable(message, code="processing.given_up"))
        else:
            _try(image, work, fail)
    except TRANSIENT:
        with suppress(DatabaseError, InterfaceError):  # it may be the database that is away
            rows.forget_attempt(image_id, task_id=task_id)
        raise


def _try(image: Row, work: Callable[[Row], None], fail: Callable[[Row, FaceAppError], None]) -> None:
    try:
        work(image)
    except (InvalidInput, EngineUnavailable) as error:
        fail(image, error)
    except TRANSIENT:
        raise
    except Exception:
        log.exception("%s failed", image)
        message = "An internal error; the administrator finds it in the worker's log."
        fail(image, FaceAppError(message, code="internal"))


def lease() -> timedelta:
    """How long a claim counts: the hard time limit of a task and some seconds for the worker to notice."""
    return timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 10)
