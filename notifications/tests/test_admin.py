"""Pages of subscriptions and deliveries; who may open them is tested in `faceapp.tests.test_walls`."""

from __future__ import annotations

import re

import pytest
from django.test import Client as Browser
from django.urls import reverse

from audit.models import Record
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from notifications.models import Delivery, Subscription
from notifications.services import send_test
from notifications.signing import secret_text
from notifications.tests.receiver import Receiver
from notifications.types import State

pytestmark = pytest.mark.django_db
LIST = "/admin/notifications/subscription/"


@pytest.fixture
def manager(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.MANAGER))


def act(browser: Browser, model: str, name: str, row: Subscription | Delivery, **fields: str) -> str:
    """What the page says after an action."""
    form = {"action": name, "_selected_action": [str(row.pk)], **fields}
    url = reverse(f"admin:notifications_{model}_changelist")
    return str(browser.post(url, form, follow=True).content.decode())


def test_a_secret_is_shown_once(manager: Browser, client_a: Client, receiver: Receiver) -> None:
    form = {"client": client_a.pk, "name": "hook", "way": "webhook", "target": receiver.url, "events": ["hit"]}
    page = manager.post(f"{LIST}add/", form | {"is_active": "on"}, follow=True).content.decode()
    row = Subscription.objects.get()
    assert (row.client, row.events, row.is_active) == (client_a, ["hit"], True)
    assert re.findall(r"whsec_[\w-]+", page) == [secret_text(row)]
    for url in (LIST, f"{LIST}{row.pk}/change/"):
        assert "whsec_" not in manager.get(url).content.decode()
    assert Record.objects.filter(objects_named__contains=[f"subscription:{row.pk}"]).exists()


def test_a_forbidden_url_is_refused_in_the_form(manager: Browser, client_a: Client, receiver: Receiver) -> None:
    form = {"client": client_a.pk, "name": "hook", "way": "webhook", "target": "http://10.0.0.1/", "events": ["hit"]}
    assert "FACEAPP_WEBHOOK_HOSTS" in manager.post(f"{LIST}add/", form).content.decode()
    assert not Subscription.objects.exists()


def test_actions(manager: Browser, subscription: Subscription) -> None:
    assert "a test message waits" in act(manager, "subscription", "send_test", subscription)
    row = Delivery.objects.get()
    Delivery.objects.update(status=State.FAILED)
    assert "waits" in act(manager, "delivery", "redeliver", row)
    row.refresh_from_db()
    assert row.status == State.PENDING
    names = [f"subscription:{subscription.pk}", f"delivery:{row.pk}"]
    assert Record.objects.filter(action="export", objects_named__contains=names).count() == 2


def test_a_secret_is_replaced_when_that_was_confirmed_and_once_a_day(
    manager: Browser, subscription: Subscription
) -> None:
    assert "whsec_" not in act(manager, "subscription", "rotate_secret", subscription)
    subscription.refresh_from_db()
    assert subscription.secret_number == 1
    page = act(manager, "subscription", "rotate_secret", subscription, confirmed="yes")
    subscription.refresh_from_db()
    assert secret_text(subscription) in page and subscription.previous_until
    assert "less than a day ago" in act(manager, "subscription", "rotate_secret", subscription, confirmed="yes")
    subscription.refresh_from_db()
    assert subscription.secret_number == 2


def test_what_was_switched_off_is_said_and_can_be_switched_on(manager: Browser, subscription: Subscription) -> None:
    send_test(subscription=subscription)
    since = subscription.created_at
    Subscription.objects.update(is_active=False, switched_off_at=since, failing_since=since, failures=12)
    assert "switched off: nothing arrived since" in manager.get(LIST).content.decode()
    assert "Activate it first" in act(manager, "subscription", "send_test", subscription)
    form = {"name": "hook", "target": subscription.target, "events": ["hit"], "is_active": "on"}
    manager.post(f"{LIST}{subscription.pk}/change/", form)
    subscription.refresh_from_db()
    assert (subscription.is_active, subscription.failures, subscription.switched_off_at) == (True, 0, None)
