"""Liveness sessions, read-only: what was asked for, and the result. Nonce, token and face are not shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from unfold.decorators import display

from clients.walled_admin import WalledAdmin
from liveness.models import LivenessSession

COLOURS = {"open": "info", "passed": "success", "failed": "danger", "expired": "warning", "cancelled": "warning"}
SHOWN = ["id", "client", "purpose", "subject", "source", "asked", "state", "attempts_left", "last_code", "created_at",
         "expires_at", "passed_at", "redeemed_at"]  # fmt: skip


@admin.register(LivenessSession)
class LivenessSessionAdmin(WalledAdmin):
    list_display = ["short_id", "client", "purpose", "subject", "asked", "state", "last_code", "started"]
    list_filter = ["status", "client", "purpose", "created_at"]
    list_select_related = ["client"]
    filled_by = "A session is started by each call that asks whether a person is there."
    search_fields = ["subject"]
    search_help_text = "Search by subject"
    fields = SHOWN
    readonly_fields = SHOWN

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Session")
    def short_id(self, session: LivenessSession) -> str:
        return str(session.pk)[:8]

    @display(description="Asked for")
    def asked(self, session: LivenessSession) -> str:
        return ", ".join(action.replace("_", " ") for action in session.actions)

    @display(description="Status", label=COLOURS)
    def state(self, session: LivenessSession) -> str:
        return session.state

    @display(description="Started", ordering="created_at")
    def started(self, session: LivenessSession) -> str:
        return date_format(timezone.localtime(session.created_at), "DATETIME_FORMAT")
