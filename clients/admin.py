"""Clients, their keys and users. A key is shown once, in the message after it was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audit.admin import RecordsSettings
from audit.services import resume_searching, stop_searching
from audit.types import Action
from clients import audit_admin as audit_admin  # registers its pages
from clients import services
from clients.access import is_administrator
from clients.erasure import delete_client
from clients.forms import ApiKeyForm, ClientForm
from clients.members import record_role
from clients.models import ApiKey, Client, ErrorTargets, Membership
from clients.querysets import ClientQuerySet
from clients.quotas import LIMITS, MEGABYTE, Quota, Use, usage_of
from clients.rotation import OVERLAP_HOURS
from clients.walled_admin import AdministratorsOnly, BeyondTheWalls, ReadOnly, WalledAdmin, WalledInline
from errors import FaceAppError

METERS = {
    Quota.PEOPLE: ("People", "with blacklist entries"),
    Quota.TEMPLATES: ("Templates", "photographs by which people and blacklist entries are recognised"),
    Quota.STORED_BYTES: ("Storage", "all image files, those of screened images and albums included"),
    Quota.IMAGES_TODAY: ("Images today", "since midnight UTC"),
}
SHOWN_ONCE = '<code class="break-words fa-secret">{}</code>. Store it now: it is never shown again.'
NEARLY_USED_UP = 80  # percent
OVERLAPS = {
    OVERLAP_HOURS: "the former ones are accepted for 24 hours",
    7 * 24: "the former ones are accepted for 7 days",
    0: "the former ones end now",
}  # hours


def rotation(hours: int, effect: str) -> Callable[..., HttpResponse | None]:
    """The action that replaces keys, whose former secrets are accepted for some hours more."""

    @admin.action(description=f"Replace the selected keys: {effect}", permissions=["change"])
    def rotate(model_admin: Any, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        if not hours:
            options: dict[str, Any] = {"action": "rotate_0", "text": ENDS_NOW, "button": "Replace the keys"}
            if asked := WalledAdmin.ask(model_admin, request, queryset, **options):
                return asked
        for row in queryset:
            try:
                key, _ = services.rotate_api_key(key=row, overlap_hours=hours)
            except FaceAppError as error:
                messages.error(request, f"{row}: {error.message}")
                continue
            text = f"The new key of {{}} is {SHOWN_ONCE}"
            messages.warning(request, format_html(text, row, key))
        return None

    rotate.__name__ = f"rotate_{hours}"
    return rotate


ENDS_NOW = "Programs with these keys are refused from now on. This cannot be undone."
ROTATIONS = [rotation(hours, effect) for hours, effect in OVERLAPS.items()]

admin.site.unregister(User)
admin.site.unregister(Group)


class RecordsRoles(RecordsSettings):
    """Records the memberships on a page as well."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)  # type: ignore[misc]
        if formset.model is Membership:
            changed = [*formset.new_objects, *(row for row, _ in formset.changed_objects), *formset.deleted_objects]
            for row in changed:
                record_role(row, holds=row not in formset.deleted_objects)


class MembershipInline(WalledInline):
    """Who works for a client, on the page of the client and of the user. Administrators decide it."""

    model = Membership
    extra = 0
    autocomplete_fields = ["user", "client"]
    readonly_fields = ["member"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Managers get names without links to the pages of users."""
        return ["user", "client", "role"] if self.has_change_permission(request, obj) else ["member", "role"]

    @display(description="User")
    def member(self, membership: Membership) -> str:
        return membership.user.get_username()


@admin.register(User)
class UserAdmin(RecordsRoles, BeyondTheWalls, AdministratorsOnly, BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """What users may do follows from their memberships: groups and permissions of their own would change nothing."""

    action = Action.ROLE_CHANGED
    inlines = [MembershipInline]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ["is_staff", "is_superuser", "is_active"]
    fieldsets = (
        (None, {"fields": ["username", "password"]}),
        ("Personal info", {"fields": ["first_name", "last_name", "email"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Important dates", {"fields": ["last_login", "date_joined"]}),
    )

    def owner_of(self, obj: User) -> None:
        """A user may act for several clients."""


@admin.register(Group)
class GroupAdmin(ReadOnly, AdministratorsOnly, BaseGroupAdmin, ModelAdmin):
    """What each role may do, to look at: `faceapp.roles` says it."""


class Meter:
    """A bar of the page of use: what is used, in words and as a share of the limit in percent."""

    def __init__(self, quota: Quota, use: Use) -> None:
        self.quota, (self.name, self.about) = quota, METERS[quota]
        self.used = "not known" if use.used is None else self._shown(use.used)
        self.limit = "no limit" if use.limit is None else f"of {self._shown(use.limit)}"
        self.percent = None if use.used is None or use.limit is None else min(100 * use.used // use.limit, 100)
        self.state = "" if self.percent is None or self.percent < NEARLY_USED_UP else "fa-near"
        if self.percent == 100:
            self.state = "fa-failed"

    def _shown(self, amount: int) -> str:
        return f"{amount / MEGABYTE:,.1f} MB" if self.quota == Quota.STORED_BYTES else f"{amount:,}"


@admin.register(Client)
class ClientAdmin(RecordsRoles, BeyondTheWalls, WalledAdmin):
    form = ClientForm
    inlines = [MembershipInline]
    actions = ["stop_searching", "resume_searching"]
    list_display = ["name", "is_active", "live_keys", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    ordering = ["name"]  # grouped queries lose the model's own
    fieldsets = [
        (None, {"fields": ["name", "is_active", "liveness_policy", "backend", "created_at"]}),
        (
            "Retention",
            {"fields": ["retention_days", "album_days", "upload_days", "reference_days", "keep_screened_embeddings"]},
        ),
        ("Older programs", {"fields": ["largest_reference_face", "ignores_other_engines"]}),
        ("Limits", {"fields": [field for field, _ in LIMITS.values()] + ["usage"]}),
        ("Errors allowed", {"fields": [field.name for field in ErrorTargets._meta.get_fields()]}),
    ]

    def get_queryset(self, request: HttpRequest) -> ClientQuerySet:
        clients: ClientQuerySet = super().get_queryset(request)
        return clients.with_live_keys()

    def get_readonly_fields(self, request: HttpRequest, obj: Client | None = None) -> list[str]:
        """Managers neither rename their client nor switch it off."""
        return ["created_at", "usage", *([] if is_administrator(request) else ["name", "is_active"])]

    def get_form(self, request: HttpRequest, obj: Client | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.may_raise_limits = is_administrator(request)
        return form

    def save_model(self, request: HttpRequest, obj: Client, form: Any, change: bool) -> None:
        services.save_client(client=obj, changed=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: Client) -> None:
        delete_client(client=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Client]) -> None:
        for client in queryset:
            delete_client(client=client)

    @admin.action(description="Stop all searching", permissions=["change"])
    def stop_searching(self, request: HttpRequest, queryset: QuerySet[Client]) -> None:
        count = sum(stop_searching(client_id=client.pk) for client in queryset)
        messages.warning(request, f"Clients for whom nobody is searched any more: {count}.")

    @admin.action(description="Let searching go on", permissions=["change"])
    def resume_searching(self, request: HttpRequest, queryset: QuerySet[Client]) -> None:
        count = sum(resume_searching(client_id=client.pk) for client in queryset)
        messages.success(request, f"Clients for whom searching goes on: {count}.")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.usage_view)
        return [path("<int:pk>/usage/", view, name="clients_client_usage"), *super().get_urls()]

    def usage_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the client uses of its limits, for members and administrators."""
        client = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, client):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "title": f"Use of {client}",
            "opts": self.opts,
            "original": client,
            "meters": [Meter(quota, use) for quota, use in usage_of(client).items()],
        }
        return TemplateResponse(request, "admin/clients/client/usage.html", context)

    @display(description="Use")
    def usage(self, client: Client) -> SafeString:
        """Where it is shown beside the limits."""
        if client.pk is None:
            return SafeString("-")
        url = reverse("admin:clients_client_usage", args=[client.pk])
        return format_html('<a href="{}" class="fa-link">Show</a>', url)

    @display(description="Live keys", ordering="live_keys")
    def live_keys(self, client: Any) -> int:
        count: int = client.live_keys
        return count


@admin.register(ApiKey)
class ApiKeyAdmin(WalledAdmin):
    form = ApiKeyForm
    list_display = [
        "prefix", "client", "name", "scope_names", "state", "by_path", "expiry_date", "last_used_at", "created",
    ]  # fmt: skip
    list_filter = ["client", "revoked"]
    list_select_related = ["client"]
    search_fields = ["prefix", "name", "client__name"]
    autocomplete_fields = ["client"]
    actions = ["revoke", *ROTATIONS, "make_path_token", "withdraw_path_token"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        made_by_us = ["prefix", "revoked", "last_used_at", "created", "previous_until"] if obj else ["preset"]
        return [*ApiKeyForm.Meta.fields, *made_by_us]

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.may_raise_limits = is_administrator(request)
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """A key never moves to another client, and only the action revokes it."""
        if obj is None:
            return []
        fixed = ["client", "prefix", "revoked", "last_used_at", "created", "previous_until"]
        return [*ApiKeyForm.Meta.fields, *fixed] if obj.revoked else fixed

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            services.record_key(Action.KEY_CHANGED, key=obj)
            return
        key = services.save_new_key(row=obj)
        text = format_html(f"The new key is {SHOWN_ONCE}", key)
        messages.warning(request, text)

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        services.record_key(Action.KEY_REVOKED, key=obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.record_key(Action.KEY_REVOKED, key=key)
        super().delete_queryset(request, queryset)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        if asked := self.ask(request, queryset, action="revoke", text=ENDS_NOW, button="Revoke the keys"):
            return asked
        for key in queryset:
            services.revoke_api_key(key=key)
        messages.success(request, f"Keys revoked: {len(queryset)}.")
        return None

    @admin.action(description="Make a path token (ends an earlier one)", permissions=["change"])
    def make_path_token(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.select_related("client"):
            try:
                token = services.make_path_token(key=key)
            except FaceAppError as error:
                messages.error(request, f"{key}: {error.message}")
                continue
            text = f"Base path of {{}}: {SHOWN_ONCE}"
            messages.warning(request, format_html(text, key, f"/k/{token}"))

    @admin.action(description="Withdraw path tokens", permissions=["change"])
    def withdraw_path_token(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        text = "Programs that call by these path tokens are refused from now on. This cannot be undone."
        asked = self.ask(request, queryset, action="withdraw_path_token", text=text, button="Withdraw the path tokens")
        if asked:
            return asked
        for key in queryset:
            services.withdraw_path_token(key=key)
        messages.success(request, "Path tokens withdrawn. The keys themselves stay.")
        return None

    @display(description="By path", boolean=True)
    def by_path(self, key: ApiKey) -> bool:
        return bool(key.path_token_hash)

    @display(description="Scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes) or "none"

    @display(
        description="State",
        label={"live": "success", "expires soon": "warning", "expired": "warning", "revoked": "danger"},
    )
    def state(self, key: ApiKey) -> str:
        if key.revoked:
            return "revoked"
        if key.has_expired:
            return "expired"
        return "expires soon" if key.expires_soon else "live"
