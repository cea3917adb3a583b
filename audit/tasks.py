"""Celery tasks of the audit: each calls one service."""

from __future__ import annotations

from celery import shared_task

from audit import receipts, retention, sealing
from telemetry.recurring import outcome_noted
from walls.current import EVERYONE, showing


@shared_task(expires=30)
@showing(EVERYONE)
def seal() -> None:
    """Seal what was recorded since the last time, and file the receipts of what was erased."""
    with outcome_noted(seal.name):
        receipts.file_all()
        sealing.seal_all()


@shared_task(expires=3600)
@showing(EVERYONE)
def purge() -> None:
    """Erase rows whose time is over."""
    with outcome_noted(purge.name):
        retention.purge()
