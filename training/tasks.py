"""Celery tasks of training, on a queue and a worker of their own."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from training import services


@shared_task(bind=True, acks_late=False, autoretry_for=services.TRANSIENT, max_retries=5, retry_backoff=2)
def train_recogniser(self: Task[Any, Any], recogniser_id: int) -> None:
    """Train one version. Acknowledged early: it may take longer than a message stays hidden, and the sweep knows it."""
    services.train(recogniser_id=recogniser_id, task_id=str(self.request.id))


@shared_task(expires=60)
def sweep_trainings() -> None:
    """Give back what dead workers held, and queue again what the queue lost."""
    services.sweep()
