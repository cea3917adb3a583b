"""The task that deletes files which an erasure has left behind."""

from __future__ import annotations

from celery import shared_task

from storage import files
from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing


@shared_task(expires=60)
@showing(EVERYONE)
def delete_due_files() -> None:
    """Delete files whose rows have been erased, as many as are deleted together."""
    with outcome_noted(delete_due_files.name):
        files.delete_due_files()
