from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from rest_framework_api_key.models import BaseAPIKeyManager

if TYPE_CHECKING:
    from clients.models import ApiKey, Client


class ClientQuerySet(models.QuerySet["Client"]):
    def active(self) -> ClientQuerySet:
        return self.filter(is_active=True)


class ApiKeyManager(BaseAPIKeyManager):  # type: ignore[misc]
    def get_usable_keys(self) -> models.QuerySet[ApiKey]:
        """Keys that are neither revoked nor of an inactive client."""
        usable: models.QuerySet[Any] = super().get_usable_keys()
        return usable.filter(client__is_active=True).select_related("client")
