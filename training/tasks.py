"""Celery tasks of training, on a queue and a worker of their own."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from training import services
from work.services import TRANSIENT


@shared_task(bind=True, acks_late=False, autoretry_for=TRANSIENT, max_retries=5, retry_backoff=2)
def train_recogniser(self: Task[Any, Any], recogniser_ids: list[int]) -> None:
    """Train one version. Acknowledged early: it may take longer than a message stays hidden. The sweep watches it."""
    services.train(recogniser_ids=recogniser_ids, task_id=str(self.request.id))
