"""Celery tasks of clients: each calls one service."""

from __future__ import annotations

from celery import shared_task

from clients import idempotency, services
from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing


@shared_task(expires=300)
@showing(EVERYONE)
def purge() -> None:
    """Delete the answers of idempotent calls that are no longer kept."""
    with outcome_noted(purge.name):
        idempotency.purge()


@shared_task(expires=3600)
@showing(EVERYONE)
def warn_of_expiry() -> None:
    """Log how many keys expire soon; the admin lists which ones."""
    with outcome_noted(warn_of_expiry.name):
        services.warn_of_expiry()
