from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from blacklist.models import BlacklistEntry
    from clients.models import Client


class BlacklistEntryQuerySet(models.QuerySet["BlacklistEntry"]):
    def of_client(self, client: Client) -> BlacklistEntryQuerySet:
        return self.filter(client=client)

    def in_force(self, day: date) -> BlacklistEntryQuerySet:
        """Entries that screening looks for on this day."""
        started = Q(valid_from=None) | Q(valid_from__lte=day)
        not_over = Q(valid_until=None) | Q(valid_until__gte=day)
        return self.filter(started, not_over, is_active=True)
