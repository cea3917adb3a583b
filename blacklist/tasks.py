"""Celery tasks of the blacklist: each calls one service."""

from __future__ import annotations

from celery import shared_task

from blacklist import photographs
from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing

PURGE_SLICE = 200  # photographs


@shared_task(expires=300)
@showing(EVERYONE)
def purge() -> None:
    """Erase checked photographs that nobody saved within the hour, a slice a task."""
    with outcome_noted(purge.name) as run:
        run.is_last = photographs.purge(limit=PURGE_SLICE) < PURGE_SLICE
        if not run.is_last:
            purge.delay()
