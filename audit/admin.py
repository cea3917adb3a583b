"""What pages of the admin need to record settings. The pages that show the audit are in `clients.audit_admin`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from audit.services import record
from audit.types import Action


class RecordsSettings:
    """For a `ModelAdmin` of settings: which of them were changed, not their values."""

    action = Action.SETTINGS_CHANGED

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        names = [f"setting:{name}" for name in form.changed_data]
        record(self.action, client_id=self.owner_of(obj), objects=[_name(obj), *names])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        record(Action.ERASE, client_id=self.owner_of(obj), objects=[_name(obj)])
        super().delete_model(request, obj)  # type: ignore[misc]

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            record(Action.ERASE, client_id=self.owner_of(obj), objects=[_name(obj)])
        super().delete_queryset(request, queryset)  # type: ignore[misc]

    def owner_of(self, obj: Any) -> int | None:
        """The client that it concerns."""
        owner: int | None = obj.client_id
        return owner


def _name(obj: Any) -> str:
    return f"{obj._meta.model_name}:{obj.pk}"
