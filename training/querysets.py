"""Questions about recognisers and the galleries they learn from."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from people.models import FaceTemplate, Gallery, GalleryKind

if TYPE_CHECKING:
    from clients.models import Client
    from people.querysets import FaceTemplateQuerySet
    from training.models import Recogniser


class RecogniserQuerySet(models.QuerySet["Recogniser"]):
    def of_client(self, client: Client) -> RecogniserQuerySet:
        return self.filter(client=client)

    def of_gallery(self, *, client: Client, source: str, space: str) -> RecogniserQuerySet:
        return self.in_source(source).filter(client=client, space=space)

    def in_source(self, source: str) -> RecogniserQuerySet:
        """Those of a gallery by its name; an empty one means the default gallery."""
        return self.filter(gallery__in=Gallery.objects.of_kind(GalleryKind.PEOPLE).called([source]))

    def active(self) -> RecogniserQuerySet:
        return self.filter(is_active=True)

    def without_weights(self) -> RecogniserQuerySet:
        """The arrays stay in the database."""
        return self.defer("weights")

    def knowing_the_erased(self) -> RecogniserQuerySet:
        """Versions that learned from somebody who is no longer there."""
        erased = """EXISTS (
            SELECT 1 FROM jsonb_array_elements_text(training_recogniser.people) AS known (person)
            WHERE NOT EXISTS (SELECT 1 FROM people_person WHERE people_person.id = known.person::bigint))"""
        finished = self.exclude(status__in=["queued", "training"])
        return finished.extra(where=[erased])  # type: ignore[return-value]  # noqa: S610  its stub forgets the class

    def queued_before(self, moment: object) -> RecogniserQuerySet:
        return self.filter(status="queued", created_at__lt=moment)

    def claim(self, pk: int, *, task_id: str) -> bool:
        """Take a queued version for one task, in one UPDATE; a task that is delivered again may go on with its own."""
        free = Q(status="queued") | Q(status="training", claim=task_id)
        claimed = self.filter(free, pk=pk).update(
            status="training", claim=task_id, started_at=timezone.now(), attempts=F("attempts") + 1
        )
        return bool(claimed)

    def held_by(self, recogniser: Recogniser) -> RecogniserQuerySet:
        """This version, while the task that claimed it has it."""
        return self.filter(pk=recogniser.pk, status="training", claim=recogniser.claim)

    def abandoned(self) -> RecogniserQuerySet:
        """Claimed, but for longer than a training may take: its worker died."""
        lease = timedelta(seconds=settings.TRAINING_TIME_LIMIT + 30)
        return self.filter(status="training", started_at__lt=timezone.now() - lease)

    def outdated(self, *, keep: int) -> RecogniserQuerySet:
        """Finished versions that are not in use, but for the newest `keep`."""
        finished = self.exclude(status__in=["queued", "training"])
        newest = finished.order_by("-version").values_list("pk", flat=True)[:keep]
        return finished.filter(is_active=False).exclude(pk__in=list(newest))


def templates_of(*, client: Client, source: str, space: str) -> FaceTemplateQuerySet:
    """The templates of one gallery."""
    galleries = Gallery.objects.of_client(client).of_kind(GalleryKind.PEOPLE).called([source])
    templates: FaceTemplateQuerySet = FaceTemplate.objects.of_client(client).in_space(space)
    return templates.in_galleries(galleries.values_list("pk", flat=True))


def marks_of(templates: FaceTemplateQuerySet, people: Collection[int] | None = None) -> dict[int, str]:
    """What changes with each person's templates: how many there are, and the newest one's number."""
    chosen = templates if people is None else templates.filter(person__in=list(people))
    rows = chosen.order_by().values_list("person_id").annotate(Count("pk"), Max("pk"))
    return {person: f"{count}:{newest}" for person, count, newest in rows}
