"""Celery tasks of the audit: each calls one service."""

from __future__ import annotations

from celery import shared_task

from audit import retention, sealing
from telemetry.recurring import failures_noted, note_success


@shared_task(expires=30)
def seal() -> None:
    """Seal what was recorded since the last time."""
    with failures_noted(seal.name):
        sealing.seal_all()
    note_success(seal.name)


@shared_task(expires=3600)
def purge() -> None:
    """Erase rows whose time is over."""
    with failures_noted(purge.name):
        retention.purge()
    note_success(purge.name)
