from __future__ import annotations

from django.db import models


class AccountQuerySet(models.QuerySet["Account"]):
    def usable(self) -> AccountQuerySet:
        """Active accounts of active clients, each with its client."""
        return self.filter(is_active=True, client__is_active=True).select_related("client")
