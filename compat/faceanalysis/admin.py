"""Accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audit.admin import RecordsSettings
from audit.types import Action
from clients.walled_admin import WalledAdmin
from compat.faceanalysis.forms import AccountForm
from compat.faceanalysis.models import Account


@admin.register(Account)
class AccountAdmin(RecordsSettings, WalledAdmin):
    action = Action.ROLE_CHANGED
    form = AccountForm
    list_display = ["username", "client", "is_active", "created_at"]
    list_filter = ["client", "is_active"]
    list_select_related = ["client"]
    search_fields = ["username"]
    autocomplete_fields = ["client"]
    fields = ["username", "client", "new_password", "is_active"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["client"] if obj else []
