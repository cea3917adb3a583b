"""Celery tasks of albums: each takes ids and calls one service."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from albums import services
from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing
from work.services import TRANSIENT

PURGE_SLICE = 200  # images


@shared_task(bind=True, autoretry_for=TRANSIENT, max_retries=8, retry_backoff=1, retry_backoff_max=30)
def process_images(self: Task[Any, Any], image_ids: list[int]) -> None:
    """Process images; a retry keeps the task's id and with it the claims."""
    services.process(image_ids=image_ids, task_id=str(self.request.id))


@shared_task(expires=3600)
@showing(EVERYONE)
def purge() -> None:
    """Erase images that are past their retention, a slice a task."""
    with outcome_noted(purge.name) as run:
        run.is_last = services.purge(limit=PURGE_SLICE) < PURGE_SLICE
        if not run.is_last:
            purge.delay()
