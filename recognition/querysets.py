"""Questions about jobs and processed images."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

if TYPE_CHECKING:
    from clients.models import Client

MAX_DAYS = 365_000


class JobQuerySet(models.QuerySet["Job"]):
    def of_client(self, client: Client) -> JobQuerySet:
        return self.filter(client=client)

    def with_progress(self) -> JobQuerySet:
        """Annotates `total`, `done` (finished, whether well or not), `failed` and `running`."""
        return self.annotate(
            total=Count("images"),
            done=Count("images", filter=~Q(images__status__in=["pending", "processing"])),
            failed=Count("images", filter=Q(images__status="failed")),
            running=Count("images", filter=Q(images__status="processing")),
        )


class ProcessedImageQuerySet(models.QuerySet["ProcessedImage"]):
    def of_client(self, client: Client) -> ProcessedImageQuerySet:
        return self.filter(client=client)

    def unfinished(self) -> ProcessedImageQuerySet:
        return self.filter(status__in=["pending", "processing"])

    def finished(self) -> ProcessedImageQuerySet:
        return self.exclude(status__in=["pending", "processing"])

    def with_results(self) -> ProcessedImageQuerySet:
        """Everything that a result shows, in a fixed number of queries."""
        return self.prefetch_related(
            models.Prefetch("faces__matches", _match_queryset()),
        )

    def with_match(self) -> ProcessedImageQuerySet:
        """Annotates `has_match`."""
        from recognition.models import Match

        return self.annotate(has_match=Exists(Match.objects.filter(face__image=OuterRef("pk"))))

    def with_match_of(self, entry_id: int) -> ProcessedImageQuerySet:
        """Images in which one blacklist entry was found."""
        from recognition.models import Match

        return self.filter(Exists(Match.objects.filter(face__image=OuterRef("pk"), entry=entry_id)))

    def claim(self, image_id: int, *, task_id: str) -> bool:
        """Take a pending image for one task, in one UPDATE. False when it is finished or another task has it.

        A task whose worker died is delivered again under the same id and may take its image up again; a claim that
        outlived every time limit is void.
        """
        void = timezone.now() - lease()
        free = Q(status="pending") | Q(status="processing", claim=task_id) | Q(status="processing", started_at__lt=void)
        claimed = self.filter(free, pk=image_id).update(
            status="processing", claim=task_id, started_at=timezone.now(), attempts=F("attempts") + 1
        )
        return bool(claimed)

    def forget_attempt(self, image_id: int, *, task_id: str) -> None:
        """A run that failed for a reason outside of the image does not count."""
        self.filter(pk=image_id, status="processing", claim=task_id).update(attempts=F("attempts") - 1)

    def abandoned(self) -> ProcessedImageQuerySet:
        """Claimed, but for longer than any task may run: the worker died."""
        return self.filter(status="processing", started_at__lt=timezone.now() - lease())

    def waiting_since(self, moment: datetime) -> ProcessedImageQuerySet:
        return self.filter(status="pending", created_at__lt=moment)

    def expired(self, *, default_days: int) -> ProcessedImageQuerySet:
        """Finished images past their client's retention (days; 0 keeps them), or the deployment's where it has none."""
        # PostgreSQL refuses dates long before our era, and one client's "for ever" would stop the purge of all.
        days = Least(Coalesce("client__retention_days", models.Value(default_days)), models.Value(MAX_DAYS))
        age = models.ExpressionWrapper(
            models.Value(timezone.now()) - models.Value(timedelta(days=1)) * F("kept_days"),
            output_field=models.DateTimeField(),
        )
        return self.finished().annotate(kept_days=days).filter(kept_days__gt=0, created_at__lt=age)


def _match_queryset() -> models.QuerySet[models.Model]:
    from recognition.models import Match

    return Match.objects.select_related("reference_image", "entry")


def lease() -> timedelta:
    """How long a claim counts: the hard time limit of a task and some seconds for the worker to notice."""
    return timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 10)
