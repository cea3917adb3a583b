from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.utils import timezone

from people.models import Person, ReferenceImage

if TYPE_CHECKING:
    from clients.models import Client

KEPT = timedelta(hours=1)  # how long a checked photograph waits to be saved
STATES = ("in force", "not yet", "over", "inactive")  # as `BlacklistEntry.state_on` calls them


class BlacklistEntryQuerySet(models.QuerySet["BlacklistEntry"]):
    def of_client(self, client: Client) -> BlacklistEntryQuerySet:
        return self.filter(client=client)

    def in_force(self, day: date) -> BlacklistEntryQuerySet:
        """Entries that screening looks for on this day."""
        started = Q(valid_from=None) | Q(valid_from__lte=day)
        not_over = Q(valid_until=None) | Q(valid_until__gte=day)
        return self.filter(started, not_over, is_active=True)

    def in_state(self, state: str, day: date) -> BlacklistEntryQuerySet:
        """Entries of which `BlacklistEntry.state_on` says one of `STATES`."""
        if state == "in force":
            return self.in_force(day)
        if state == "inactive":
            return self.filter(is_active=False)
        begun = ~Q(valid_from__gt=day) | Q(valid_from=None)
        condition = Q(valid_from__gt=day) if state == "not yet" else begun & Q(valid_until__lt=day)
        return self.filter(condition, is_active=True)

    def with_overview(self) -> BlacklistEntryQuerySet:
        """`with_counts`, and `last_hit` (a day) and `photograph` (a uuid), None without one."""
        same = self.model._default_manager.filter(pk=OuterRef("pk")).order_by()
        decided = Q(matches__decision="match")
        last = same.annotate(last=Max("matches__found_on", filter=decided)).values("last")
        photographs = ReferenceImage.objects.filter(person=OuterRef("pk")).with_file().primary_first()
        return self.with_counts().annotate(last_hit=Subquery(last), photograph=Subquery(photographs.values("uuid")[:1]))

    def with_counts(self) -> BlacklistEntryQuerySet:
        """Annotates `image_count` and `match_count`, each counted alone, so that they do not multiply."""
        decided = self._count("matches", Q(matches__decision="match"))
        return self.annotate(image_count=self._count("reference_images"), match_count=decided)

    def _count(self, relation: str, which: Q | None = None) -> Subquery:
        same = self.model._default_manager.filter(pk=OuterRef("pk")).order_by()
        return Subquery(same.annotate(counted=Count(relation, filter=which)).values("counted"))


class CheckedPhotographQuerySet(models.QuerySet["CheckedPhotograph"]):
    def of_form(self, user_id: int, *, entry: Person | None, batch: UUID | None) -> CheckedPhotographQuerySet:
        """Those of a user for an entry, or for the new one whose form has this number; not those whose time is over."""
        return self.filter(user=user_id, entry=entry, batch=None if entry else batch).current()

    def current(self) -> CheckedPhotographQuerySet:
        return self.filter(created_at__gt=timezone.now() - KEPT)

    def expired(self) -> CheckedPhotographQuerySet:
        return self.filter(created_at__lte=timezone.now() - KEPT)
