"""Celery tasks of clients: each calls one service."""

from __future__ import annotations

from celery import shared_task

from clients import idempotency
from telemetry.recurring import outcome_noted


@shared_task(expires=300)
def purge() -> None:
    """Delete the answers of idempotent calls that are no longer kept."""
    with outcome_noted(purge.name):
        idempotency.purge()
