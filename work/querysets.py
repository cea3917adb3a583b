"""Questions about claimed work, and the steps of its life, each a single conditional UPDATE."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from audit.models import Stop
from work.models import FINISHED, TRANSITIONS, UNFINISHED, ClaimedWork, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Row = TypeVar("Row", bound=ClaimedWork)


class ClaimedWorkQuerySet(models.QuerySet[Row]):
    def unfinished(self) -> Self:
        return self.filter(status__in=UNFINISHED)

    def finished(self) -> Self:
        return self.filter(status__in=FINISHED)

    def waiting_since(self, moment: datetime) -> Self:
        """Pending since before this moment."""
        return self.filter(status=Status.PENDING, queued_at__lt=moment)

    def not_stopped(self) -> Self:
        """Work that does not wait until searching goes on."""
        stopped = Stop.objects.stopped() if self.model.searches else set()
        if not stopped:
            return self.none() if stopped is None else self.all()
        return self.exclude(**{f"{self.model.owner}__in": stopped})

    def in_queue(self, queue: str) -> Self:
        """Work that belongs to this one of the model's `queues`."""
        return self.all()

    def move_to(self, status: Status, **changes: Any) -> int:
        """Give this status, and other changes, to the rows from which `TRANSITIONS` leads to it. Returns how many."""
        sources: Iterable[Status] = [source for source, targets in TRANSITIONS.items() if status in targets]
        return self.filter(status__in=sources).update(status=status, **changes)

    def claim(self, ids: Sequence[int], *, task_id: str, untried: bool = False) -> list[Row]:
        """Take rows for one task, in one UPDATE. Returns those taken; others are finished, or another task has them.

        A task whose worker died is delivered again with the same id and may take its rows up again; a claim that
        outlived every time limit is void. `untried`: only rows that no task has had before.
        """
        now = timezone.now()
        held = Q(status=Status.PROCESSING) & (Q(claim=task_id) | Q(started_at__lt=now - self.model.lease()))
        free = self.filter(Q(status=Status.PENDING) | held, pk__in=ids)
        if untried:
            free = free.filter(attempts=0)
        if not free.move_to(Status.PROCESSING, claim=task_id, started_at=now, attempts=F("attempts") + 1):
            return []
        return list(self.filter(pk__in=ids, started_at=now).held_by(task_id).order_by("pk"))

    def held_by(self, task_id: str) -> Self:
        """Rows whose claim this task holds."""
        return self.filter(status=Status.PROCESSING, claim=task_id)

    def held_as(self, row: Row) -> Self:
        """`row`, while its task still holds the claim."""
        return self.filter(pk=row.pk).held_by(row.claim)

    def excuse(self) -> None:
        """Not to count a run: it did not begin, or it ended because a part of the service was away."""
        self.update(attempts=F("attempts") - 1)

    def abandoned(self) -> Self:
        """Claimed, but for longer than any task may run: the worker died."""
        return self.filter(status=Status.PROCESSING, started_at__lt=timezone.now() - self.model.lease())

    def give_back(self) -> None:
        """Let other tasks take these rows."""
        self.move_to(Status.PENDING, claim="")
