"""Celery tasks of notifications: each calls one service."""

from __future__ import annotations

from celery import shared_task

from notifications import delivery, services
from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing


@shared_task(expires=30)
@showing(EVERYONE)
def deliver() -> None:
    """Send the messages that are due."""
    with outcome_noted(deliver.name):
        delivery.deliver_due()


@shared_task(expires=3600)
@showing(EVERYONE)
def purge() -> None:
    """Delete messages that are no longer kept."""
    with outcome_noted(purge.name):
        services.purge()
