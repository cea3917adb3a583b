"""Celery tasks of liveness: each calls one service."""

from __future__ import annotations

from celery import shared_task

from liveness import services
from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing


@shared_task(expires=300)
@showing(EVERYONE)
def purge() -> None:
    """Forget faces, sessions and frames whose time is over."""
    with outcome_noted(purge.name):
        services.purge()
