"""Celery tasks of liveness: each calls one service."""

from __future__ import annotations

from celery import shared_task

from liveness import services
from telemetry.recurring import failures_noted, note_success


@shared_task(expires=300)
def purge() -> None:
    """Forget faces, sessions and frames whose time is over."""
    with failures_noted(purge.name):
        services.purge()
    note_success(purge.name)
