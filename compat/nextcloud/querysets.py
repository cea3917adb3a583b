from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from clients.models import ApiKey, Client
    from compat.nextcloud.models import KeyModel


class KeyModelQuerySet(models.QuerySet["KeyModel"]):
    def of_key(self, key: ApiKey) -> KeyModel | None:
        return self.filter(api_key=key).first()

    def latest_of(self, client: Client) -> KeyModel | None:
        """The model of the latest key that computed faces: a new key that replaces it continues with that model."""
        computed = self.filter(api_key__client=client).exclude(computed_at=None)
        return computed.order_by("api_key__created").last()

    def pin(self, key: ApiKey, *, model: int) -> None:
        """Note that faces were computed for the key; the first time also with which model."""
        row, _ = self.get_or_create(api_key=key, defaults={"model": model})
        if row.computed_at is None:
            self.filter(pk=row.pk, computed_at=None).update(computed_at=timezone.now(), model=model)
