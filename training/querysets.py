"""Questions about recognisers and the galleries they learn from."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Count, Max
from django.utils import timezone

from clients.models import Client
from people.models import FaceTemplate, Gallery, GalleryKind
from work.models import Status
from work.querysets import ClaimedWorkQuerySet

if TYPE_CHECKING:
    from people.models import Person
    from people.querysets import FaceTemplateQuerySet
    from training.models import Recogniser
    from training.types import Gallery as Learned


class RecogniserQuerySet(ClaimedWorkQuerySet["Recogniser"]):
    def of_client(self, client: Client) -> RecogniserQuerySet:
        return self.filter(client=client)

    def of_gallery(self, *, client: Client, source: str, space: str) -> RecogniserQuerySet:
        return self.in_source(source).filter(client=client, space=space)

    def in_source(self, source: str) -> RecogniserQuerySet:
        """Those of a gallery by its name; an empty one means the default gallery."""
        return self.filter(gallery__in=Gallery.objects.of_kind(GalleryKind.PEOPLE).called([source]))

    def rivals_of(self, version: Recogniser) -> RecogniserQuerySet:
        """All versions of its gallery and space, itself included."""
        return self.filter(gallery=version.gallery_id, space=version.space)

    def active(self) -> RecogniserQuerySet:
        return self.filter(is_active=True)

    def without_weights(self) -> RecogniserQuerySet:
        """The arrays stay in the database."""
        return self.defer("weights")

    def knowing(self, person: Person) -> RecogniserQuerySet:
        """Finished versions that learned from this person."""
        known = apps.get_model("training", "KnownPerson").objects
        return self.finished().filter(pk__in=known.filter(person=person).values("recogniser"))

    def excuse(self) -> None:
        """A training's lease is long, so it also goes back to the queue, in case the task runs out of retries."""
        super().excuse()
        self.give_back()

    def give_back(self) -> None:
        """To the queue, or away when a newer version of the gallery waits there: it will see the same people."""
        for version in self.without_weights():
            with transaction.atomic():
                Client.objects.select_for_update(no_key=True).get(pk=version.client_id)
                held = self.model.objects.held_as(version)
                if self.model.objects.rivals_of(version).filter(status=Status.PENDING).exists():
                    held.delete()
                else:
                    held.move_to(Status.PENDING, claim="", queued_at=timezone.now())

    def outdated(self, *, keep: int) -> RecogniserQuerySet:
        """Finished versions that are not in use, except for the newest `keep`."""
        newest = self.finished().order_by("-version").values_list("pk", flat=True)[:keep]
        return self.finished().filter(is_active=False).exclude(pk__in=list(newest))


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


def are_still_there(gallery: Learned) -> bool:
    """Whether nothing that was learned from has been erased, or given to another person, since.

    Nobody does either until the transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM people_person WHERE id = ANY(%s) ORDER BY id FOR SHARE", [gallery.people])
    learned = {pk: gallery.people[label] for pk, label in zip(gallery.templates, gallery.labels, strict=True)}
    return dict(FaceTemplate.objects.filter(pk__in=learned).values_list("pk", "person_id")) == learned
