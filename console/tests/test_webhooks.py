"""Webhooks and e-mail in the console: managers add, test, replace secrets, look at messages and send them again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.models import Record
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console.tests.queries import few_queries
from console.webhooks.shown import ERRORS, EVENTS, ON_A_PAGE
from notifications.models import Delivery, Subscription
from notifications.services import notify, send_test
from notifications.types import Event, Message, State, Way

pytestmark = pytest.mark.django_db
URL = "https://hooks.example/door"
NAME = "باب <b>المدخل</b>"


@pytest.fixture
def manager(client_a: Client, settings: Settings) -> Browser:
    settings.WEBHOOK_HOSTS, settings.EMAIL_HOST = ["hooks.example"], "mail.example"
    return browser_of(make_member(client_a, Role.MANAGER))


@pytest.fixture
def hook(client_a: Client) -> Subscription:
    return Subscription.objects.create(client=client_a, name=NAME, target=URL, events=["hit", "job.done"])


def send(browser: Browser, page: str, client: Client, /, *args: Any, **fields: Any) -> Any:
    return browser.post(reverse(f"console:{page}", args=args), {"for_client": client.pk} | fields)


def add(browser: Browser, client: Client, **fields: Any) -> Any:
    form = {"way": "webhook", "name": NAME, "target": URL, "events": "hit"}
    return send(browser, "webhook-new", client, **(form | fields))


def test_a_secret_is_shown_once(manager: Browser, client_a: Client) -> None:
    answer = add(manager, client_a, events=["hit", "hit.confirmed"])
    row = Subscription.objects.get()
    [secret] = re.findall(r"whsec_[\w-]+", answer.content.decode())
    assert (row.client, row.name, row.events, row.is_active) == (client_a, NAME, ["hit", "hit.confirmed"], True)
    assert answer["Cache-Control"] == "private, no-store"
    for name, args in (("webhooks", []), ("webhook", [row.uuid])):
        page = manager.get(reverse(f"console:{name}", args=args)).content.decode()
        assert "whsec_" not in page and "&lt;b&gt;المدخل" in page and "<b>المدخل" not in page
    again = send(manager, "webhook-secret", client_a, row.uuid).content.decode()
    assert "whsec_" in again and secret not in again
    refused = send(manager, "webhook-secret", client_a, row.uuid)
    assert (refused.status_code, refused["X-Problem"]) == (409, "subscription.secret_replaced")


def test_email_has_no_secret(manager: Browser, client_a: Client) -> None:
    answer = add(manager, client_a, way="email", target="ann@example.org, bob@example.org")
    row = Subscription.objects.get()
    assert answer.status_code == 302 and row.addresses == ["ann@example.org", "bob@example.org"]
    assert send(manager, "webhook-secret", client_a, row.uuid).status_code == 404


def test_mqtt_has_the_clients_topic_and_names_if_they_are_wanted(
    manager: Browser, client_a: Client, settings: Settings
) -> None:
    assert "FACEAPP_MQTT_HOST" in manager.get(reverse("console:webhook-new")).content.decode()
    settings.MQTT_HOST = "mqtt.example.org"
    assert "FACEAPP_MQTT_HOST" not in manager.get(reverse("console:webhook-new")).content.decode()
    assert add(manager, client_a, way="mqtt", target="", events=["match"], with_names="on").status_code == 302
    row = Subscription.objects.get()
    assert (row.target, row.with_names, row.deliveries.get().event) == (f"faceapp/{client_a.pk}", True, "test")
    page = manager.get(reverse("console:webhook", args=[row.uuid])).content.decode()
    assert row.target in page and "MQTT: with names" in page and 'name="target"' not in page
    assert (
        send(manager, "webhook", client_a, row.uuid, name="House", events=["unknown"], is_active="on").status_code
        == 302
    )
    row.refresh_from_db()
    assert (row.name, row.target, row.with_names) == ("House", f"faceapp/{client_a.pk}", False)
    again = add(manager, client_a, way="mqtt", target="")
    assert (again.status_code, Subscription.objects.count()) == (422, 1)
    assert send(manager, "webhook-secret", client_a, row.uuid).status_code == 404


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"target": ""}, "FACEAPP_WEBHOOK_HOSTS"),
        ({"way": "email", "target": ""}, "valid email"),
        ({"target": "https://elsewhere.example/"}, "FACEAPP_WEBHOOK_HOSTS"),
        ({"way": "email", "target": "nobody"}, "valid email"),
        ({"events": []}, "required"),
        ({"name": ""}, "required"),
        ({"way": "pigeon"}, "valid choice"),
    ],
)
def test_what_cannot_be_told_keeps_the_form(
    manager: Browser, client_a: Client, fields: dict[str, Any], said: str
) -> None:
    answer = add(manager, client_a, **fields)
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page and not Subscription.objects.exists()
    assert fields.get("target", URL) in page


def test_it_is_changed_switched_off_and_deleted(manager: Browser, client_a: Client, hook: Subscription) -> None:
    Subscription.objects.update(failures=3, failing_since=timezone.now())
    changed = {"name": "Gate", "target": URL, "events": ["hit.confirmed"]}
    assert send(manager, "webhook", client_a, hook.uuid, **changed).status_code == 302
    hook.refresh_from_db()
    assert (hook.name, hook.events, hook.is_active, hook.failures) == ("Gate", ["hit.confirmed"], False, 3)
    assert send(manager, "webhook-test", client_a, hook.uuid)["X-Problem"] == "subscription.off"
    send(manager, "webhook", client_a, hook.uuid, **changed, is_active="on")
    hook.refresh_from_db()
    assert (hook.is_active, hook.failures) == (True, 0)
    row = Record.objects.filter(action="settings_changed").latest("pk")
    assert row.objects_named == [f"subscription:{hook.pk}", "setting:is_active"]
    refused = send(
        manager, "webhook", client_a, hook.uuid, **(changed | {"target": "https://x.example/"}), is_active="on"
    )
    assert refused.status_code == 422 and Subscription.objects.get().target == URL
    assert send(manager, "webhook-delete", client_a, hook.uuid).status_code == 302
    assert (
        not Subscription.objects.exists()
        and manager.get(reverse("console:webhook", args=[hook.uuid])).status_code == 404
    )


def test_messages_are_shown_recorded_and_sent_again(manager: Browser, client_a: Client, hook: Subscription) -> None:
    url = reverse("console:webhook", args=[hook.uuid])
    assert "Nothing has been sent yet." in manager.get(url).content.decode()
    notify(Event.JOB_DONE, Message("a", {"images": 12}, ["job:a", "person:4"]), client_id=client_a.pk)
    assert send(manager, "webhook-test", client_a, hook.uuid).status_code == 302
    page = manager.get(url).content.decode()
    assert "Job finished" in page and "<dd>12</dd>" in page and 'hx-trigger="every 3s' in page
    seen = Record.objects.filter(action="view").latest("pk")
    assert seen.objects_named == [f"subscription:{hook.pk}", "job:a", "person:4"] and seen.results == 2
    Delivery.objects.update(status=State.FAILED, attempts=6, answer=500, error="webhook.answered_error")
    page = manager.get(url).content.decode()
    assert "answered with an error" in page and "hx-trigger" not in page.partition('id="log"')[2]
    delivery = Delivery.objects.get(event="job.done")
    assert send(manager, "webhook-redeliver", client_a, hook.uuid, delivery.pk).status_code == 302
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == (State.PENDING, 0)
    assert send(manager, "webhook-redeliver", client_a, hook.uuid, uuid4()).status_code == 404


def test_the_log_asks_again_without_a_row_for_nothing_new(
    manager: Browser, client_a: Client, hook: Subscription
) -> None:
    newest, url = send_test(subscription=hook), reverse("console:webhook", args=[hook.uuid])
    count = Record.objects.filter(action="view").count()
    part = manager.get(url, {"seen": newest.pk}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and str(newest.pk) in part
    assert Record.objects.filter(action="view").count() == count
    send_test(subscription=hook)
    manager.get(url, {"seen": newest.pk}, headers={"HX-Request": "true"})
    assert Record.objects.filter(action="view").count() == count + 1


def test_older_messages_are_on_further_pages(manager: Browser, client_a: Client, hook: Subscription) -> None:
    now = timezone.now()
    for number in range(ON_A_PAGE + 3):
        row = Delivery.objects.create(subscription=hook, event="test", key=str(number))
        Delivery.objects.filter(pk=row.pk).update(created_at=now - timedelta(seconds=number // 5))
    url = reverse("console:webhook", args=[hook.uuid])
    first = manager.get(url).context["log"]
    second = manager.get(url, {"before": first.following}).context["log"]
    assert (len(first.deliveries), len(second.deliveries), second.following) == (ON_A_PAGE, 3, "")
    ids = [one.row.pk for log in (first, second) for one in log.deliveries]
    assert len(set(ids)) == ON_A_PAGE + 3
    for nonsense in ("x", "2026-01-01~1", "2026-13-01T00:00:00+00:00~" + "x" * 36, "~"):
        assert manager.get(url, {"before": nonsense}).context["log"].is_first


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_managers_see_it(client_a: Client, hook: Subscription, role: Role) -> None:
    browser = browser_of(make_member(client_a, role))
    for name, args in (("webhooks", []), ("webhook-new", []), ("webhook", [hook.uuid])):
        assert browser.get(reverse(f"console:{name}", args=args)).status_code == 403
    for name in ("webhook", "webhook-test", "webhook-secret", "webhook-delete"):
        assert send(browser, name, client_a, hook.uuid)["X-Problem"] == "auth.missing_role"
    assert reverse("console:webhooks") not in browser.get(reverse("console:galleries")).content.decode()


def test_those_of_another_client_do_not_exist(client_b: Client, hook: Subscription) -> None:
    browser = browser_of(make_member(client_b, Role.MANAGER))
    delivery = send_test(subscription=hook)
    assert NAME not in browser.get(reverse("console:webhooks")).content.decode()
    assert browser.get(reverse("console:webhook", args=[hook.uuid])).status_code == 404
    for name in ("webhook", "webhook-test", "webhook-secret", "webhook-delete"):
        assert send(browser, name, client_b, hook.uuid).status_code == 404
    assert send(browser, "webhook-redeliver", client_b, hook.uuid, delivery.pk).status_code == 404
    assert Subscription.objects.count() == Delivery.objects.count() == 1


def test_a_form_of_another_client_is_refused(manager: Browser, client_b: Client, hook: Subscription) -> None:
    assert send(manager, "webhook-delete", client_b, hook.uuid)["X-Problem"] == "console.other_client"
    assert Subscription.objects.exists()


def test_what_changes_it_asks_who_it_is(
    manager: Browser, client_a: Client, hook: Subscription, settings: Settings
) -> None:
    """As the same pages of the admin do."""
    settings.CONFIRM_SECONDS = 300
    assert manager.get(reverse("console:webhook", args=[hook.uuid])).status_code == 200
    names = ["webhook", "webhook-test", "webhook-secret", "webhook-delete"]
    calls = [(name, [hook.uuid]) for name in names] + [("webhook-new", []), ("webhook-redeliver", [hook.uuid, uuid4()])]
    for name, args in calls:
        answer = send(manager, name, client_a, *args)
        assert answer.status_code == 302 and answer["Location"].startswith(reverse("account_login")), name


def test_pages_ask_the_database_little(manager: Browser, client_a: Client, hook: Subscription) -> None:
    for number in range(30):
        Subscription.objects.create(
            client=client_a, name=str(number), target="a@b.example", way=Way.EMAIL, events=["hit"]
        )
        Delivery.objects.create(subscription=hook, event="test", key=str(number))
    for name, args in (("webhooks", []), ("webhook", [hook.uuid]), ("webhook-new", [])):
        with few_queries():
            assert manager.get(reverse(f"console:{name}", args=args)).status_code == 200


def test_every_event_and_error_has_words() -> None:
    from notifications.tests.test_webhooks_page import CODE

    assert set(EVENTS) == set(Event)
    assert set(re.findall(r"\"((?:webhook|email|mqtt)\.[a-z_]+)\"", CODE)) | {"subscription.off"} == set(ERRORS)
