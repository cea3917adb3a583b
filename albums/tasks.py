"""Celery tasks of albums: each takes ids and calls one service."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from albums import services
from work.services import TRANSIENT


@shared_task(bind=True, autoretry_for=TRANSIENT, max_retries=8, retry_backoff=1, retry_backoff_max=30)
def process_images(self: Task[Any, Any], image_ids: list[int]) -> None:
    """Process images; a retry keeps the task's id and with it the claims."""
    services.process(image_ids=image_ids, task_id=str(self.request.id))
