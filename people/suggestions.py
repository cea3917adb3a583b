"""How far the check of a gallery has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from audit.services import require_searching
from people.galleries import search_in
from people.health import LISTED, row_of, status_of
from people.models import CheckedPerson, Gallery, GalleryHealth
from people.types import HealthStatus
from work.queues import queue_errors


@dataclass(frozen=True)
class Check:
    """How far the people of a gallery have been compared with one another. `people`: those with a face."""

    status: HealthStatus
    done: int
    people: int
    computed_at: datetime | None


def check_of(gallery: Gallery) -> Check:
    """How far it has come. Raises as `search_in` does."""
    searched = search_in(client=gallery.client, galleries=[gallery])
    row, people = _row(gallery, searched.space.name), searched.templates.values("person").distinct().count()
    if row is None:
        return Check(HealthStatus.NEVER_COMPUTED, 0, people, None)
    missing = len(CheckedPerson.objects.missing(row, LISTED))
    return Check(status_of(row, searched.point.threshold), max(people - missing, 0), people, row.computed_at)


def request_check(gallery: Gallery) -> None:
    """Compare everybody of the gallery anew, in the background, unless that is under way.

    Raises `SearchingStopped`, `Unavailable` (`queue.unavailable`), or as `search_in` does.
    """
    from people.tasks import tend_health

    require_searching(gallery.client_id)
    searched = search_in(client=gallery.client, galleries=[gallery])
    row = row_of(gallery, searched.space, searched.point.threshold)
    if row is None:
        return
    if row.started_at is None:
        again = {"round": row.round + 1, "started_at": timezone.now()}
        GalleryHealth.objects.filter(pk=row.pk, started_at=None).update(**again)
    with queue_errors():
        tend_health.delay()


def _row(gallery: Gallery, space: str) -> GalleryHealth | None:
    return GalleryHealth.objects.select_related("gallery").filter(gallery=gallery, space=space).first()
