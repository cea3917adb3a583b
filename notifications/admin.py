"""Subscriptions and what was sent for them. A secret is shown once, in the message after it was made."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.decorators import display

from clients.walled_admin import ReadOnly, WalledAdmin
from errors import FaceAppError
from notifications import services
from notifications.forms import SubscriptionForm
from notifications.models import Delivery, Subscription
from notifications.types import Way

SHOWN_ONCE = "{}: the secret is <code class='break-words fa-secret'>{}</code>. Store it now: it is never shown again."
REPLACES = "Receivers need the new secrets within a day, for which the former ones sign as well. This cannot be undone."
SOON = "It is sent within seconds; see Deliveries."


@admin.register(Subscription)
class SubscriptionAdmin(WalledAdmin):
    form = SubscriptionForm
    list_display = ["name", "client", "way", "told_of", "state", "created_at"]
    list_filter = ["client", "way", "is_active"]
    list_select_related = ["client"]
    search_fields = ["name"]
    actions = ["send_test", "rotate_secret"]
    filled_by = "Programs and people that are told of events, by a webhook, by e-mail or by MQTT."

    def get_readonly_fields(self, request: HttpRequest, obj: Subscription | None = None) -> list[str]:
        if obj is None:
            return []
        kept = ["failures", "failing_since", "switched_off_at", "previous_until", "created_at"]
        return ["client", "way", "uuid", *kept]

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        if secret := services.save_subscription(subscription=obj, changed=form.changed_data):
            messages.warning(request, format_html(SHOWN_ONCE, obj, secret))

    def delete_model(self, request: HttpRequest, obj: Subscription) -> None:
        services.delete_subscriptions(subscriptions=Subscription.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        services.delete_subscriptions(subscriptions=queryset)

    @display(description="Events")
    def told_of(self, row: Subscription) -> str:
        return ", ".join(row.events)

    @display(description="State")
    def state(self, row: Subscription) -> str:
        if row.switched_off_at:
            return f"switched off: nothing arrived since {row.failing_since:%Y-%m-%d %H:%M} UTC"
        if not row.is_active:
            return "inactive"
        return f"failing: {row.failures} attempts" if row.failures else "active"

    @admin.action(description="Send a test message", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        for subscription in queryset:
            try:
                services.send_test(subscription=subscription)
            except FaceAppError as error:
                messages.error(request, f"{subscription}: {error.message}")
            else:
                messages.success(request, f"{subscription}: a test message waits. {SOON}")

    @admin.action(description="Replace the secret: the former one is valid for another day", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        asked = self.ask(request, queryset, action="rotate_secret", text=REPLACES, button="Replace the secrets")
        if asked:
            return asked
        for subscription in queryset:
            if subscription.way != Way.WEBHOOK:
                messages.error(request, f"{subscription}: only webhooks have a secret.")
                continue
            try:
                secret = services.rotate_secret(subscription=subscription)
            except FaceAppError as error:
                messages.error(request, f"{subscription}: {error.message}")
            else:
                messages.warning(request, format_html(SHOWN_ONCE, subscription, secret))
        return None


@admin.register(Delivery)
class DeliveryAdmin(WalledAdmin):
    path_to_client = "subscription__client"
    list_display = ["created_at", "subscription", "event", "status", "attempts", "answer", "error", "due_at"]
    list_filter = ["subscription", "event", "status", "created_at"]
    list_select_related = ["subscription"]
    readonly_fields = [
        "id", "subscription", "event", "data", "status", "attempts", "answer", "error", "created_at", "tried_at",
        "due_at",
    ]  # fmt: skip
    fields = readonly_fields
    actions = ["redeliver"]
    filled_by = "What was sent for subscriptions, or waits to be sent."
    show_full_result_count = False

    has_add_permission = has_delete_permission = ReadOnly.has_add_permission

    @admin.action(description="Send the selected messages again", permissions=["change"])
    def redeliver(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        for delivery in queryset.select_related("subscription"):
            try:
                services.redeliver(delivery=delivery)
            except FaceAppError as error:
                messages.error(request, f"{delivery}: {error.message}")
            else:
                messages.success(request, f"{delivery} waits. {SOON}")
