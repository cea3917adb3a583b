"""Who is told of events: programs by webhook, people by e-mail, and what was sent to them. For managers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from audit.services import record
from audit.types import Action
from clients.authentication import client_of
from clients.models import Scope
from console.system.tabs import TabPage
from console.webhooks.forms import NewSubscriptionForm, SubscriptionForm
from console.webhooks.shown import ShownSubscription, log_of
from notifications.models import Delivery, Subscription
from notifications.services import delete_subscriptions, redeliver, rotate_secret, save_subscription, send_test
from notifications.types import Way


class WebhooksPage(TabPage):
    """The scopes keep everybody out but managers and administrators."""

    tab = "webhooks"
    scope_read, scope_write = Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE
    erases = True

    def subscription(self, uuid: UUID) -> Subscription:
        """Raises `NotFound`, also for those of other clients."""
        found: Subscription | None = Subscription.objects.filter(client=client_of(self.request), uuid=uuid).first()
        if found is None:
            raise NotFound(_("There is no such subscription. Somebody may have deleted it."))
        return found

    def show_secret(self, subscription: Subscription, secret: str) -> HttpResponse:
        return self.show("console/webhooks/secret.html", {"subscription": subscription, "secret": secret})


def ways() -> dict[str, bool]:
    """Which ways of telling somebody the administrator has configured."""
    return {
        "reaches_hosts": bool(settings.WEBHOOK_HOSTS),
        "sends_mail": bool(settings.EMAIL_HOST),
        "has_broker": bool(settings.MQTT_HOST),
    }


class SubscriptionsPage(WebhooksPage):
    def get(self, request: Request) -> HttpResponse:
        rows = Subscription.objects.filter(client=client_of(request)).order_by("name", "pk")
        shown = {
            "subscriptions": [ShownSubscription(row) for row in rows],
            **ways(),
        }
        return self.show("console/webhooks/list.html", shown)


class NewPage(WebhooksPage):
    to_confirm = frozenset({"post"})

    def get(self, request: Request) -> HttpResponse:
        return self._ask(NewSubscriptionForm())

    def post(self, request: Request) -> HttpResponse:
        form = NewSubscriptionForm(request.data, instance=Subscription(client=client_of(request)))
        if not form.is_valid():
            return self._ask(form, status=422)
        row = form.save(commit=False)
        secret = save_subscription(subscription=row, changed=form.changed_data)
        return self.show_secret(row, secret) if secret else redirect("console:webhook", row.uuid)

    def _ask(self, form: NewSubscriptionForm, *, status: int = 200) -> HttpResponse:
        shown = {
            "form": form,
            "reaches_hosts": bool(settings.WEBHOOK_HOSTS),
            "sends_mail": bool(settings.EMAIL_HOST),
            "has_broker": bool(settings.MQTT_HOST),
        }
        return self.show("console/webhooks/new.html", shown, status=status)


class SubscriptionPage(WebhooksPage):
    to_confirm = frozenset({"post"})

    def get(self, request: Request, uuid: UUID) -> HttpResponse:
        row = self.subscription(uuid)
        return self._show(row, SubscriptionForm(instance=row))

    def post(self, request: Request, uuid: UUID) -> HttpResponse:
        """Change it."""
        row = self.subscription(uuid)
        form = SubscriptionForm(request.data, instance=row)
        if not form.is_valid():
            return self._show(self.subscription(uuid), form, status=422)
        save_subscription(subscription=form.save(commit=False), changed=form.changed_data)
        return redirect("console:webhook", uuid)

    def _show(self, row: Subscription, form: SubscriptionForm, *, status: int = 200) -> HttpResponse:
        """The log asks for itself while something waits; who looked is recorded again when there is something new."""
        is_part = bool(self.request._request.htmx)  # type: ignore[attr-defined]
        log = log_of(row, self.request.query_params.get("before", ""))
        if not is_part or self.request.query_params.get("seen") != log.newest:
            names = [f"subscription:{row.pk}", *log.names]
            record(Action.VIEW, client_id=row.client_id, objects=names, results=len(log.deliveries))
        shown: dict[str, Any] = {"shown": ShownSubscription(row), "log": log, "form": form}
        return self.show(f"console/webhooks/{'log' if is_part else 'detail'}.html", shown, status=status)


class TestPage(WebhooksPage):
    to_confirm = frozenset({"post"})
    __test__ = False  # for pytest

    def post(self, request: Request, uuid: UUID) -> HttpResponse:
        send_test(subscription=self.subscription(uuid))
        return redirect("console:webhook", uuid)


class SecretPage(WebhooksPage):
    to_confirm = frozenset({"post"})

    def post(self, request: Request, uuid: UUID) -> HttpResponse:
        """Replace the secret of a webhook; nothing else has one."""
        row = self.subscription(uuid)
        if row.way != Way.WEBHOOK:
            raise NotFound(_("Only webhooks have a secret."))
        return self.show_secret(row, rotate_secret(subscription=row))


class DeletePage(WebhooksPage):
    to_confirm = frozenset({"post"})

    def post(self, request: Request, uuid: UUID) -> HttpResponse:
        delete_subscriptions(subscriptions=Subscription.objects.filter(pk=self.subscription(uuid).pk))
        return redirect("console:webhooks")


class RedeliverPage(WebhooksPage):
    to_confirm = frozenset({"post"})

    def post(self, request: Request, uuid: UUID, delivery: UUID) -> HttpResponse:
        """Send a message again."""
        own = Delivery.objects.filter(subscription=self.subscription(uuid)).select_related("subscription")
        if (found := own.filter(pk=delivery).first()) is None:
            raise NotFound(_("There is no such message any more."))
        redeliver(delivery=found)
        return redirect("console:webhook", uuid)
