"""The task that keeps the search indexes of large galleries."""

from __future__ import annotations

from celery import shared_task

from people import indexing


@shared_task(acks_late=False, expires=60)
def tend_search_indexes() -> None:
    """Acknowledged early: a build may take longer than a message stays hidden."""
    indexing.tend_search_indexes()
