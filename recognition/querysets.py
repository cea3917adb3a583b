"""Questions about jobs and processed images."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from work.claims import ClaimedImageQuerySet

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


class ProcessedImageQuerySet(ClaimedImageQuerySet["ProcessedImage"]):
    def of_client(self, client: Client) -> ProcessedImageQuerySet:
        return self.filter(client=client)

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
