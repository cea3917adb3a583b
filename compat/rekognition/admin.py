"""Which keys may sign as AWS does, and their secrets, which are shown once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from clients.admin import SHOWN_ONCE
from clients.walled_admin import WalledAdmin
from compat.rekognition.forms import SigningSecretForm
from compat.rekognition.models import SigningSecret
from compat.rekognition.secrets import make_secret, withdraw_secret
from errors import FaceAppError


@admin.register(SigningSecret)
class SigningSecretAdmin(WalledAdmin):
    path_to_client = "api_key__client"
    form = SigningSecretForm
    list_display = ["api_key", "client", "number", "previous_until", "made_at"]
    list_select_related = ["api_key__client"]
    autocomplete_fields = ["api_key"]
    ordering = ["-made_at"]
    actions = ["replace"]

    def owner_of(self, obj: SigningSecret) -> int:
        return obj.api_key.client_id

    def get_fields(self, request: HttpRequest, obj: SigningSecret | None = None) -> list[str]:
        return ["api_key", "number", "previous_until", "made_at"] if obj else ["api_key"]

    def get_readonly_fields(self, request: HttpRequest, obj: SigningSecret | None = None) -> list[str]:
        return ["api_key", "number", "previous_until", "made_at"] if obj else []

    def save_model(self, request: HttpRequest, obj: SigningSecret, form: Any, change: bool) -> None:
        if not change:
            self._show(request, obj)
            obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: SigningSecret) -> None:
        withdraw_secret(key=obj.api_key)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SigningSecret]) -> None:
        for row in queryset.select_related("api_key"):
            withdraw_secret(key=row.api_key)

    @admin.action(description="Make new secrets (earlier ones count for another day)", permissions=["change"])
    def replace(self, request: HttpRequest, queryset: QuerySet[SigningSecret]) -> None:
        for row in queryset.select_related("api_key__client"):
            try:
                self._show(request, row)
            except FaceAppError as error:
                messages.error(request, f"{row.api_key}: {error.message}")

    def _show(self, request: HttpRequest, row: SigningSecret) -> None:
        text = f"AWS_ACCESS_KEY_ID is {{}}, and AWS_SECRET_ACCESS_KEY {SHOWN_ONCE}"
        messages.warning(request, format_html(text, row.api_key.prefix, make_secret(key=row.api_key)))

    @admin.display(ordering="api_key__client__name")
    def client(self, row: SigningSecret) -> Any:
        return row.api_key.client
