"""Which of CompreFace's services a key has, and whom they know."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audit.admin import RecordsSettings
from clients.walled_admin import WalledAdmin
from compat.compreface.forms import ServiceForm
from compat.compreface.models import Service, ServiceKind


@admin.register(Service)
class ServiceAdmin(RecordsSettings, WalledAdmin):
    form = ServiceForm
    list_display = ["name", "client", "api_key", "services", "gallery", "earlier_key", "created_at"]
    list_filter = ["client"]
    list_select_related = ["client", "api_key", "gallery"]
    search_fields = ["name"]
    autocomplete_fields = ["api_key", "gallery"]
    ordering = ["-created_at"]
    filled_by = "Without a service here, an API key opens all three, with the default gallery of its client."

    def get_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        fields = ["api_key", "name", "kinds", "gallery", "key_uuid", "origins"]
        return [*fields, "earlier_key", "created_at"] if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        return ["api_key", "earlier_key", "created_at"] if obj else []

    @admin.display(description="services")
    def services(self, row: Service) -> str:
        return ", ".join(ServiceKind(kind).label for kind in row.kinds)

    @admin.display(description="known by an earlier key", boolean=True)
    def earlier_key(self, row: Service) -> Any:
        return row.has_alias
