"""Messages on their way to a real server: what arrives, and what becomes of those that do not."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.models import Record
from clients.models import Client
from notifications import delivery
from notifications.delivery import DELAYS, MOST_DELIVERIES, OFF_AFTER, OFF_AFTER_FAILURES, deliver_due
from notifications.exceptions import SubscriptionOff
from notifications.models import Delivery, Subscription
from notifications.services import forget, notify, purge, redeliver, rotate_secret, send_test
from notifications.signing import secret_text
from notifications.tests.conftest import subscribe
from notifications.tests.receiver import Receiver
from notifications.types import Event, Message, State, Way
from vault import keys
from vault.models import ClientKey

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_owner")]


def tell(client: Client, key: str = "job:1") -> None:
    notify(Event.JOB_DONE, Message(key, {"job": "1", "images": 2}, ["job:1"]), client_id=client.pk)


def signatures(headers: dict[str, str], body: bytes, secret: str) -> tuple[list[str], str]:
    """Those of the header, and the one that this secret makes."""
    timestamp, *made = headers["Faceapp-Signature"].split(",")
    message = timestamp.removeprefix("t=").encode() + b"." + body
    return [one.removeprefix("v1=") for one in made], hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def test_a_message_arrives_once_and_is_signed(client_a: Client, subscription: Subscription, receiver: Receiver) -> None:
    tell(client_a)
    tell(client_a)  # the same event
    assert (deliver_due(), deliver_due()) == (1, 0)
    [(headers, body)] = receiver.got
    row = Delivery.objects.get()
    message = json.loads(body)
    assert (message["id"], message["event"], message["data"]) == (str(row.pk), "job.done", {"job": "1", "images": 2})
    assert (headers["Faceapp-Event"], headers["Faceapp-Delivery"]) == ("job.done", str(row.pk))
    made, expected = signatures(headers, body, secret_text(subscription))
    assert made == [expected]
    assert (row.status, row.attempts, row.answer, row.error) == (State.DELIVERED, 1, 204, "")


def test_what_is_rolled_back_is_not_told(client_a: Client, subscription: Subscription) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        tell(client_a)
        raise ZeroDivisionError
    assert not Delivery.objects.exists()


def test_nobody_is_told_who_did_not_ask(client_a: Client, client_b: Client, receiver: Receiver) -> None:
    subscribe(client_b, receiver.url)
    subscribe(client_a, receiver.url, events=[Event.HIT.value])
    subscribe(client_a, receiver.url, is_active=False)
    tell(client_a)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("behaviour", "answer", "error"),
    [
        ("error", 500, "webhook.answered_error"),
        ("redirecting", 307, "webhook.redirected"),
        ("nonsense", None, "webhook.unreachable"),
        ("slow", None, "webhook.timeout"),
    ],
)
def test_what_fails_is_tried_again(
    subscription: Subscription, receiver: Receiver, settings: Settings, behaviour: str, answer: int, error: str
) -> None:
    settings.WEBHOOK_TIMEOUT = 0.3
    receiver.behaviour = behaviour
    row = send_test(subscription=subscription)
    assert (deliver_due(), len(receiver.got)) == (1, 1)
    row.refresh_from_db()
    assert (row.status, row.answer, row.error) == (State.PENDING, answer, error)
    assert row.tried_at and row.due_at - row.tried_at == DELAYS[0]


def test_a_target_that_is_down(client_a: Client, subscription: Subscription, receiver: Receiver) -> None:
    receiver.server_close()
    row = send_test(subscription=subscription)
    deliver_due()
    row.refresh_from_db()
    assert (row.status, row.error) == (State.PENDING, "webhook.unreachable")


def test_a_bug_holds_up_nobody(
    client_a: Client, subscription: Subscription, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(delivery: Delivery, row: Subscription) -> bytes:
        return b"{}" if row == subscription else b"" + None  # type: ignore[operator]

    monkeypatch.setattr("notifications.sending.body_of", broken)
    subscribe(client_a, receiver.url)
    tell(client_a)
    deliver_due()
    assert sorted(Delivery.objects.values_list("status", "error")) == [("delivered", ""), ("pending", "internal")]


def test_an_endless_answer_is_not_read_to_its_end(subscription: Subscription, receiver: Receiver) -> None:
    receiver.behaviour = "huge"
    row = send_test(subscription=subscription)
    deliver_due()
    row.refresh_from_db()
    assert (row.status, row.answer) == (State.DELIVERED, 200)
    assert receiver.was_cut.wait(60) and receiver.poured < 1 << 27


def test_what_can_still_be_taken_back_is_not_sent_early(subscription: Subscription) -> None:
    row, later = send_test(subscription=subscription), timezone.now() + timedelta(hours=1)
    Delivery.objects.update(due_at=later)
    redeliver(delivery=row)
    row.refresh_from_db()
    assert (row.status, row.due_at) == (State.PENDING, later)


def test_attempts_end(subscription: Subscription, receiver: Receiver) -> None:
    receiver.behaviour = "error"
    row = send_test(subscription=subscription)
    waits = []
    while row.status == State.PENDING:
        Delivery.objects.update(due_at=timezone.now())
        deliver_due()
        row.refresh_from_db()
        assert row.tried_at
        waits.append(row.due_at - row.tried_at)
    assert waits[:-1] == DELAYS
    assert (row.status, row.attempts) == (State.FAILED, len(DELAYS) + 1)
    redeliver(delivery=row)
    receiver.behaviour = "well"
    deliver_due()
    row.refresh_from_db()
    assert (row.status, row.attempts) == (State.DELIVERED, 1)
    assert {headers["Faceapp-Delivery"] for headers, _ in receiver.got} == {str(row.pk)}


def test_a_target_that_fails_is_left_alone_for_a_minute_and_others_are_not(
    client_a: Client, subscription: Subscription, receiver: Receiver
) -> None:
    well = subscribe(client_a, receiver.url)
    subscription.target = "http://127.0.0.1:1/"  # may not be reached
    subscription.save()
    for number in range(3):
        tell(client_a, f"job:{number}")
    assert (deliver_due(), deliver_due()) == (4, 0)
    assert well.deliveries.filter(status=State.DELIVERED).count() == 3
    assert sorted(subscription.deliveries.values_list("attempts", flat=True)) == [0, 0, 1]
    assert not subscription.deliveries.due().exists()


def test_after_days_of_failures_a_subscription_is_switched_off(subscription: Subscription, receiver: Receiver) -> None:
    receiver.behaviour = "error"
    Subscription.objects.update(
        failures=OFF_AFTER_FAILURES - 2, failing_since=timezone.now() - OFF_AFTER - timedelta(hours=1)
    )
    rows = [send_test(subscription=subscription), send_test(subscription=subscription)]
    deliver_due()
    subscription.refresh_from_db()
    assert subscription.is_active
    Delivery.objects.update(due_at=timezone.now())
    deliver_due()
    subscription.refresh_from_db()
    assert not subscription.is_active and subscription.switched_off_at
    assert {Delivery.objects.get(pk=row.pk).status for row in rows} == {State.FAILED}
    assert Record.objects.filter(objects_named__contains=["setting:is_active"]).exists()
    with pytest.raises(SubscriptionOff):
        redeliver(delivery=Delivery.objects.select_related("subscription").first())  # type: ignore[arg-type]


def test_one_success_forgives_all_failures(subscription: Subscription) -> None:
    Subscription.objects.update(failures=5, failing_since=timezone.now() - OFF_AFTER)
    send_test(subscription=subscription)
    deliver_due()
    subscription.refresh_from_db()
    assert (subscription.failures, subscription.failing_since) == (0, None)


def test_a_client_whose_key_is_damaged_holds_up_nobody(
    client_a: Client, client_b: Client, subscription: Subscription, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.delivery.MOST_SUBSCRIPTIONS", 1)
    send_test(subscription=subscription)
    send_test(subscription=subscribe(client_b, receiver.url))
    secret_text(subscription)
    ClientKey.objects.filter(pk=client_a.pk).update(wrapped=bytes(60))
    keys.forget(client_a.pk)
    assert (deliver_due(), deliver_due()) == (0, 1)
    row = Delivery.objects.get(subscription=subscription)
    assert (row.status, row.attempts) == (State.PENDING, 0) and row.due_at > timezone.now()


@pytest.mark.parametrize("what", ["erased", "switched off"])
def test_what_is_taken_back_during_a_round_is_not_sent(
    client_a: Client, subscription: Subscription, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def store_and_take_back(*args: Any) -> None:
        store(*args)
        if what == "erased":
            forget(["job:1"], client_id=client_a.pk)
        else:
            Subscription.objects.update(is_active=False)

    store = delivery._store
    monkeypatch.setattr(delivery, "_store", store_and_take_back)
    for number in range(30):
        tell(client_a, f"job:{number}")
    assert deliver_due() == len(receiver.got) < 30


def test_a_round_sends_more_than_one_batch(client_a: Client, subscription: Subscription, receiver: Receiver) -> None:
    for number in range(MOST_DELIVERIES + 1):
        tell(client_a, f"job:{number}")
    assert deliver_due() == len(receiver.got) == MOST_DELIVERIES + 1


# ---- addresses --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/", "http://127.0.0.1:1/", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "nonsense", ""],
)
def test_a_url_that_the_rules_forbid_is_refused(client_a: Client, receiver: Receiver, url: str) -> None:
    with pytest.raises(ValidationError):
        subscribe(client_a, url)


def test_the_rules_of_the_moment_of_sending_hold(
    subscription: Subscription, receiver: Receiver, settings: Settings
) -> None:
    row = send_test(subscription=subscription)
    settings.WEBHOOK_ALLOW_PRIVATE = False
    deliver_due()
    row.refresh_from_db()
    assert (row.error, receiver.got) == ("webhook.refused", [])


# ---- secrets ----------------------------------------------------------------------------------------------------
def test_for_a_day_both_secrets_sign(subscription: Subscription, receiver: Receiver) -> None:
    former = secret_text(subscription)
    newer = rotate_secret(subscription=subscription)
    assert former != newer
    send_test(subscription=subscription)
    deliver_due()
    Subscription.objects.update(previous_until=timezone.now())
    send_test(subscription=subscription)
    deliver_due()
    (headers, body), (later, later_body) = receiver.got
    made, by_newer = signatures(headers, body, newer)
    assert made == [by_newer, signatures(headers, body, former)[1]]
    made, by_newer = signatures(later, later_body, newer)
    assert made == [by_newer]


def test_secrets_are_those_of_one_subscription(client_a: Client, client_b: Client, receiver: Receiver) -> None:
    rows = [subscribe(client, receiver.url) for client in (client_a, client_a, client_b)]
    assert len({secret_text(row) for row in rows}) == 3


# ---- e-mail -----------------------------------------------------------------------------------------------------
def test_mail_holds_the_same(client_a: Client, settings: Settings) -> None:
    subscribe(client_a, "one@example.org, two@example.org", way=Way.EMAIL)
    tell(client_a)
    deliver_due()
    row = Delivery.objects.get()
    assert (row.status, row.error, mail.outbox) == (State.PENDING, "email.disabled", [])
    settings.EMAIL_HOST = "mail.example.org"
    Delivery.objects.update(due_at=timezone.now())
    deliver_due()
    [message] = mail.outbox
    assert message.to == ["one@example.org", "two@example.org"]
    assert "Images: 2" in message.body and str(row.pk) in message.body
    row.refresh_from_db()
    assert row.status == State.DELIVERED


@pytest.mark.parametrize("target", ["nobody", "a@example.org,", "a@example.org\nBcc: b@example.org"])
def test_what_is_no_address_is_refused(client_a: Client, target: str) -> None:
    with pytest.raises(ValidationError):
        subscribe(client_a, target, way=Way.EMAIL)


# ---- what is kept -----------------------------------------------------------------------------------------------
def test_old_messages_are_deleted(subscription: Subscription, settings: Settings) -> None:
    old, new = send_test(subscription=subscription), send_test(subscription=subscription)
    days = timedelta(days=settings.DELIVERY_DAYS, hours=1)
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - days)
    assert purge() == 1
    assert list(Delivery.objects.all()) == [new]
