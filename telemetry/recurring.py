"""How tasks fared that beat sends again and again, kept in the database: Redis forgets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import Error
from django.db.models import F
from django.utils import timezone

from telemetry.models import RecurringTask


def note_success(name: str) -> None:
    """The task has done all that it had to do."""
    row = RecurringTask(name=name, succeeded_at=timezone.now())
    RecurringTask.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["name"], update_fields=["succeeded_at"]
    )


@contextmanager
def failures_noted(name: str) -> Iterator[None]:
    """Count an error of the task, which is raised again."""
    try:
        yield
    except Exception:
        with suppress(Error):  # it may be the database that is away
            RecurringTask.objects.get_or_create(name=name)
            RecurringTask.objects.filter(name=name).update(failures=F("failures") + 1, failed_at=timezone.now())
        raise
