"""Clients, their keys and users. A key is shown once, in the message after it was made."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from clients import services
from clients.forms import ApiKeyForm
from clients.models import ApiKey, Client
from clients.querysets import ClientQuerySet
from errors import FaceAppError

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):
    pass


@admin.register(Client)
class ClientAdmin(ModelAdmin):
    list_display = ["name", "is_active", "live_keys", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    autocomplete_fields = ["members"]
    readonly_fields = ["created_at"]
    ordering = ["name"]  # grouped queries lose the model's own

    def get_queryset(self, request: HttpRequest) -> ClientQuerySet:
        clients: ClientQuerySet = super().get_queryset(request)
        return clients.with_live_keys()

    @display(description="Live keys", ordering="live_keys")
    def live_keys(self, client: Any) -> int:
        count: int = client.live_keys
        return count


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    form = ApiKeyForm
    list_display = [
        "prefix", "client", "name", "scope_names", "state", "by_path", "expiry_date", "last_used_at", "created",
    ]  # fmt: skip
    list_filter = ["client", "revoked"]
    list_select_related = ["client"]
    search_fields = ["prefix", "name", "client__name"]
    autocomplete_fields = ["client"]
    actions = ["revoke", "make_path_token", "withdraw_path_token"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        made_by_us = ["prefix", "revoked", "last_used_at", "created"] if obj else []
        return [*ApiKeyForm.Meta.fields, *made_by_us]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """A key never moves to another client, and only the action revokes it."""
        if obj is None:
            return []
        fixed = ["client", "prefix", "revoked", "last_used_at", "created"]
        return [*ApiKeyForm.Meta.fields, *fixed] if obj.revoked else fixed

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        key = services.save_new_key(row=obj)
        text = format_html("The new key is <code>{}</code>. Store it now: it is never shown again.", key)
        messages.warning(request, text)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.revoke_api_key(key=key)
        messages.success(request, f"Keys revoked: {len(queryset)}.")

    @admin.action(description="Make a path token (ends an earlier one)", permissions=["change"])
    def make_path_token(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.select_related("client"):
            try:
                token = services.make_path_token(key=key)
            except FaceAppError as error:
                messages.error(request, f"{key}: {error.message}")
                continue
            text = 'Base path of {}: <code class="break-words">/k/{}</code>. Store it now: it is never shown again.'
            messages.warning(request, format_html(text, key, token))

    @admin.action(description="Withdraw path tokens", permissions=["change"])
    def withdraw_path_token(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.withdraw_path_token(key=key)
        messages.success(request, "Path tokens withdrawn. The keys themselves stay.")

    @display(description="By path", boolean=True)
    def by_path(self, key: ApiKey) -> bool:
        return bool(key.path_token_hash)

    @display(description="Scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes) or "all"

    @display(description="State", label={"live": "success", "expired": "warning", "revoked": "danger"})
    def state(self, key: ApiKey) -> str:
        if key.revoked:
            return "revoked"
        return "expired" if key.has_expired else "live"
