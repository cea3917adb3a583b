"""How tasks fared that beat sends again and again, kept in the database: Redis forgets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

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


@dataclass
class Run:
    """One run of a task. `is_last`: it is to leave nothing to another one."""

    is_last: bool = True


@contextmanager
def outcome_noted(name: str) -> Iterator[Run]:
    """Note the success of a task when its last run ends, or count the error of any, which is raised again."""
    run = Run()
    try:
        yield run
        if run.is_last:
            note_success(name)
    except Exception:
        with suppress(Error):  # it may be the database that is away
            RecurringTask.objects.get_or_create(name=name)
            RecurringTask.objects.filter(name=name).update(failures=F("failures") + 1, failed_at=timezone.now())
        raise
