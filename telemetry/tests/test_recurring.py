"""What recurring tasks leave behind: when they last ended well, and how often they failed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

import liveness.tasks
import recognition.tasks
import work.tasks
from errors import Unavailable
from telemetry.models import RecurringTask
from telemetry.recurring import note_success, outcome_noted

pytestmark = pytest.mark.django_db


def test_a_success_replaces_the_one_before_and_keeps_the_failures() -> None:
    with pytest.raises(ZeroDivisionError), outcome_noted("a"):
        _ = 1 / 0
    row = RecurringTask.objects.get()
    assert (row.name, row.failures, row.succeeded_at) == ("a", 1, None) and row.failed_at
    for _ in range(2):
        note_success("a")
    RecurringTask.objects.update(succeeded_at=timezone.now() - timedelta(days=1))
    note_success("a")
    again = RecurringTask.objects.get()
    assert again.succeeded_at and timezone.now() - again.succeeded_at < timedelta(minutes=1)
    assert (again.failures, again.failed_at) == (1, row.failed_at)


@pytest.mark.usefixtures("servers")
def test_each_purge_and_the_sweep_note_their_success() -> None:
    for task in (recognition.tasks.purge, liveness.tasks.purge, work.tasks.sweep):
        task()
    names = {"recognition.tasks.purge", "liveness.tasks.purge", "work.tasks.sweep"}
    assert set(RecurringTask.objects.exclude(succeeded_at=None).values_list("name", flat=True)) == names


def test_a_purge_with_more_to_do_has_not_succeeded_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition.tasks.services, "purge", lambda *, limit: limit)
    monkeypatch.setattr(recognition.tasks.purge, "delay", lambda: None)
    recognition.tasks.purge()
    assert not RecurringTask.objects.exists()


def test_a_purge_that_fails_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, limit: int) -> int:
        raise Unavailable("The storage does not answer.")

    monkeypatch.setattr(recognition.tasks.services, "purge", fail)
    for _ in range(2):
        with pytest.raises(Unavailable):
            recognition.tasks.purge()
    row = RecurringTask.objects.get()
    assert (row.name, row.failures, row.succeeded_at) == ("recognition.tasks.purge", 2, None)


def test_the_command_counts_as_a_purge_unless_it_is_partial() -> None:
    call_command("purge", "--dry-run", verbosity=0)
    assert not RecurringTask.objects.exists()
    call_command("purge", verbosity=0)
    assert RecurringTask.objects.get().name == "recognition.tasks.purge"
