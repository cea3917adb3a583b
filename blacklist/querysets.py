from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery

if TYPE_CHECKING:
    from clients.models import Client


class BlacklistEntryQuerySet(models.QuerySet["BlacklistEntry"]):
    def of_client(self, client: Client) -> BlacklistEntryQuerySet:
        return self.filter(client=client)

    def in_force(self, day: date) -> BlacklistEntryQuerySet:
        """Entries that screening looks for on this day."""
        started = Q(valid_from=None) | Q(valid_from__lte=day)
        not_over = Q(valid_until=None) | Q(valid_until__gte=day)
        return self.filter(started, not_over, is_active=True)

    def with_counts(self) -> BlacklistEntryQuerySet:
        """Annotates `image_count` and `match_count`, each counted alone, so that they do not multiply."""
        decided = self._count("matches", Q(matches__decision="match"))
        return self.annotate(image_count=self._count("reference_images"), match_count=decided)

    def _count(self, relation: str, which: Q | None = None) -> Subquery:
        same = self.model._default_manager.filter(pk=OuterRef("pk")).order_by()
        return Subquery(same.annotate(counted=Count(relation, filter=which)).values("counted"))
