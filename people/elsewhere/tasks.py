"""The task of a worker that asks a remote service; `people.tasks` loads it for Celery."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from people.elsewhere import asking
from vision.tasks import answer


@shared_task(ignore_result=False, reject_on_worker_lost=False)
def ask_remote_service(key: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Have a remote service search or compare the picture that waits under `key`."""
    return answer(key, lambda data: asking.answer_with(data, sent))
