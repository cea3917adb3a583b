"""The model of each key."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audit.admin import RecordsSettings
from clients.walled_admin import WalledAdmin
from compat.nextcloud.forms import KeyModelForm
from compat.nextcloud.models import KeyModel


@admin.register(KeyModel)
class KeyModelAdmin(RecordsSettings, WalledAdmin):
    path_to_client = "api_key__client"
    form = KeyModelForm
    list_display = ["api_key", "client", "model", "computed_at"]
    list_select_related = ["api_key__client"]
    autocomplete_fields = ["api_key"]
    ordering = ["pk"]

    def owner_of(self, obj: KeyModel) -> int:
        return obj.api_key.client_id

    def get_fields(self, request: HttpRequest, obj: KeyModel | None = None) -> list[str]:
        if obj is None:
            return ["api_key", "model"]
        return ["api_key", "model", "computed_at", *(["confirm"] if obj.computed_at else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: KeyModel | None = None) -> list[str]:
        return ["api_key", "computed_at"] if obj else []

    @admin.display(ordering="api_key__client__name")
    def client(self, row: KeyModel) -> Any:
        return row.api_key.client
