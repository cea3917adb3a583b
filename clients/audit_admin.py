"""The audit, for reading, and the switch that stops all searching. What the deployment did is for administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from audit import services
from audit.models import Record, Stop
from audit.querysets import RecordQuerySet, StopQuerySet
from clients.walled_admin import ReadOnly, WalledAdmin

WHAT_STOPS = (
    "Searching, verifying, comparing, screening and matching stop at once, and calls are answered with 503. Jobs wait."
    " Delete the stop to let them go on. Without a client, this holds for everybody."
)


@admin.register(Record)
class RecordAdmin(ReadOnly, WalledAdmin):
    list_display = ["at", "client_name", "action", "who", "address", "whom", "results"]
    list_filter = ["action", "actor_kind", "at"]
    search_fields = ["actor", "request_id", "objects_named__icontains", "address"]
    search_help_text = "Search by actor, address, id of the request, or object such as person:12"
    filled_by = "Whatever is done with people's data is recorded here."
    show_full_result_count = False
    ordering = ["-at", "-pk"]

    def get_queryset(self, request: HttpRequest) -> RecordQuerySet:
        records: RecordQuerySet = super().get_queryset(request)
        return records.with_client_name()

    @display(description="Client", ordering="client_name")
    def client_name(self, row: Any) -> str:
        if row.client_id is None:
            return "-"
        return row.client_name or f"deleted ({row.client_id})"

    @display(description="Who")
    def who(self, row: Record) -> str:
        return f"{row.actor_kind} {row.actor}".strip()

    @display(description="Whom")
    def whom(self, row: Record) -> str:
        shown = ", ".join(row.objects_named[:5])
        return f"{shown} …" if len(row.objects_named) > 5 else shown


@admin.register(Stop)
class StopAdmin(WalledAdmin):
    """Adding a row stops all searching of a client, or of everybody; deleting it lets searching go on."""

    list_display = ["whose", "since"]
    fieldsets = ((None, {"fields": ["client"], "description": WHAT_STOPS}),)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Stop, form: Any, change: bool) -> None:
        services.stop_searching(client_id=obj.client_id)
        obj.pk = Stop.objects.get(client_id=obj.client_id).pk  # type: ignore[misc]

    def delete_model(self, request: HttpRequest, obj: Stop) -> None:
        services.resume_searching(client_id=obj.client_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Stop]) -> None:
        for stop in queryset:
            services.resume_searching(client_id=stop.client_id)

    def get_queryset(self, request: HttpRequest) -> StopQuerySet:
        stops: StopQuerySet = super().get_queryset(request)
        return stops.with_client_name()

    @display(description="Searching is stopped for")
    def whose(self, stop: Any) -> str:
        return "everybody" if stop.client_id is None else stop.client_name or f"deleted ({stop.client_id})"
