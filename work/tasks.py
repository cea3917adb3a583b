"""The task that keeps claimed work moving."""

from __future__ import annotations

from celery import shared_task

from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing
from work import services


@shared_task(expires=30)
@showing(EVERYONE)
def sweep() -> None:
    """Give back what dead workers held, and refill emptied queues."""
    with outcome_noted(sweep.name):
        services.sweep()
