"""Celery tasks of search indexes, the health of galleries, respaces and remote services: each calls one service."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from people import erasure, health, indexing, respacing, shadow_decisions
from people.elsewhere import calls
from people.elsewhere.tasks import ask_remote_service as ask_remote_service
from people.types import Faces
from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing
from work.services import TRANSIENT

PURGE_SLICE = 200  # photographs


@shared_task(acks_late=False, expires=60)
@showing(EVERYONE)
def tend_search_indexes() -> None:
    """Acknowledged early: a build may take longer than a message stays hidden."""
    indexing.tend_search_indexes()


@shared_task(acks_late=False, expires=60)
@showing(EVERYONE)
def tend_health() -> None:
    """Compare people within their galleries; the next run goes on with what is left."""
    health.tend_health()


@shared_task(bind=True, autoretry_for=TRANSIENT, max_retries=8, retry_backoff=1, retry_backoff_max=30)
def embed_images(self: Task[Any, Any], image_ids: list[int]) -> None:
    """Compute templates; a retry keeps the task's id and with it the claims."""
    respacing.embed_images(image_ids=image_ids, task_id=str(self.request.id))


@shared_task(bind=True, autoretry_for=TRANSIENT, max_retries=8, retry_backoff=1, retry_backoff_max=30)
def carry_out(self: Task[Any, Any], call_ids: list[int]) -> None:
    """Carry out calls to a remote service; a retry keeps the task's id and with it the claims."""
    calls.carry_out(call_ids=call_ids, task_id=str(self.request.id))
    respacing.hand_out()


@shared_task(expires=30)
@showing(EVERYONE)
def send_remote_calls() -> None:
    """Give workers the calls to remote services that are due."""
    calls.send_due()


@shared_task(expires=30)
@showing(EVERYONE)
def tend_respaces() -> None:
    """Give out photographs where nobody else did, and those that came in since."""
    respacing.tend_respaces()


@shared_task(reject_on_worker_lost=False)
def compare_probe(respace_id: int, gallery_ids: list[int], faces: Faces, key: str) -> None:
    """Decide a probe in both spaces."""
    shadow_decisions.compare_probe(respace_id=respace_id, gallery_ids=gallery_ids, faces=faces, key=key)


@shared_task(expires=3600)
@showing(EVERYONE)
def purge() -> None:
    """Erase photographs that are past their retention, a slice a task."""
    with outcome_noted(purge.name) as run:
        run.is_last = erasure.purge(limit=PURGE_SLICE) < PURGE_SLICE
        if not run.is_last:
            purge.delay()
