"""Celery tasks of respaces: each takes ids and calls one service."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from people import respacing, shadow_decisions
from work.services import TRANSIENT


@shared_task(bind=True, autoretry_for=TRANSIENT, max_retries=8, retry_backoff=1, retry_backoff_max=30)
def embed_image(self: Task[Any, Any], image_id: int) -> None:
    """Compute one template; a retry keeps the task's id and with it the claim."""
    respacing.embed_image(image_id=image_id, task_id=str(self.request.id))


@shared_task(expires=30)
def tend_respaces() -> None:
    """Give out photographs where nobody else did, and those that came in since."""
    respacing.tend_respaces()


@shared_task(reject_on_worker_lost=False)
def compare_probe(respace_id: int, gallery_ids: list[int], key: str) -> None:
    """Decide a probe in both spaces."""
    shadow_decisions.compare_probe(respace_id=respace_id, gallery_ids=gallery_ids, key=key)
