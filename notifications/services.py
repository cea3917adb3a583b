"""Telling of events, and what managers do with subscriptions and deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.services import record
from audit.types import Action
from notifications.exceptions import SecretReplaced, SubscriptionOff
from notifications.models import Delivery, Subscription
from notifications.querysets import DeliveryQuerySet, SubscriptionQuerySet
from notifications.signing import secret_text
from notifications.types import Event, Message, State, Way

OVERLAP = timedelta(days=1)  # in which messages are signed with the previous secret as well


def is_wanted(event: Event, *, client_id: int) -> bool:
    """Whether anybody is to be told, for callers who would have to look something up first."""
    return Subscription.objects.wanting(client_id, event).exists()


def notify(event: Event, *messages: Message, client_id: int, after: timedelta = timedelta()) -> None:
    """Tell the client's subscriptions of an event, in the transaction of the caller: both happen, or neither.

    The messages are not sent before `after` is over; until then `withdraw` takes them back.
    """
    if not messages:
        return
    with_names = dict(Subscription.objects.wanting(client_id, event).values_list("pk", "with_names"))
    wanting = Subscription.objects.kept(with_names)
    rows = [
        Delivery(
            subscription_id=pk,
            event=event,
            key=message.key,
            data=dict(message.named if with_names[pk] and message.named else message.data),
            objects_named=list(dict.fromkeys(message.objects)),
            due_at=timezone.now() + after,
        )
        for message in messages
        for pk in wanting
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def withdraw(event: Event, key: str, *, client_id: int) -> None:
    """Take back the messages about an event that was undone, unless they have arrived."""
    messages = Delivery.objects.filter(subscription__client=client_id, event=event, key=key)
    messages.exclude(status=State.DELIVERED).delete()


def told_of(objects: Sequence[str], *, client_id: int) -> DeliveryQuerySet:
    """Messages that name one of these objects, sent or not, with their subscriptions."""
    return Delivery.objects.about(client_id, objects).select_related("subscription")


def forget(objects: Sequence[str], *, client_id: int) -> int:
    """Erase messages that name one of these objects, sent or not. Returns how many."""
    return Delivery.objects.about(client_id, objects).delete()[0]


# ---- subscriptions ----------------------------------------------------------------------------------------------
@transaction.atomic
def save_subscription(*, subscription: Subscription, changed: Iterable[str]) -> str:
    """Store a row that has been validated: a new one, or these fields of it. Returns the secret of a new webhook.

    MQTT is told of what there is by a test message, with which Home Assistant gets its sensors.
    """
    fields, is_new = list(changed), subscription._state.adding
    names = [f"setting:{name}" for name in fields]
    if subscription.is_active and "is_active" in fields:  # what went wrong before does not count any more
        subscription.failures, subscription.failing_since, subscription.switched_off_at = 0, None, None
        fields += ["failures", "failing_since", "switched_off_at"]
    subscription.save(update_fields=None if is_new else fields)
    named = [f"subscription:{subscription.pk}", *names]
    record(Action.SETTINGS_CHANGED, client_id=subscription.client_id, objects=named)
    if subscription.way == Way.MQTT and subscription.is_active:
        Delivery.objects.create(subscription=subscription, event=Event.TEST, key=str(uuid4()))
    return secret_text(subscription) if is_new and subscription.way == Way.WEBHOOK else ""


@transaction.atomic
def delete_subscriptions(*, subscriptions: SubscriptionQuerySet) -> None:
    """Delete them with their messages.

    Events that are being stored come first, so that their messages are seen, and deleted as well.
    """
    for subscription in subscriptions.select_for_update(of=("self",)).order_by("pk"):
        record(Action.ERASE, client_id=subscription.client_id, objects=[f"subscription:{subscription.pk}"])
        subscription.delete()


@transaction.atomic
def send_test(*, subscription: Subscription) -> Delivery:
    """Send a message without data. Raises `SubscriptionOff`."""
    _require_active(subscription)
    delivery = Delivery.objects.create(subscription=subscription, event=Event.TEST, key=str(uuid4()))
    _record_sending(delivery)
    return delivery


@transaction.atomic
def redeliver(*, delivery: Delivery) -> None:
    """Send a message again, with the same id and as many attempts as a new one. Raises `SubscriptionOff`.

    One that has not been sent yet keeps its time: until then what it tells of can be taken back.
    """
    _require_active(delivery.subscription)
    sent = Delivery.objects.filter(pk=delivery.pk).exclude(status=State.PENDING, attempts=0)
    sent.update(status=State.PENDING, attempts=0, due_at=timezone.now())
    _record_sending(delivery)


@transaction.atomic
def rotate_secret(*, subscription: Subscription) -> str:
    """A new secret, which is returned. For a day messages are signed with the previous one as well.

    Raises `SecretReplaced` during that day, as the receiver may still use the previous one.
    """
    Subscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)
    subscription.refresh_from_db(fields=["secret_number", "previous_until"])
    if subscription.previous_until and subscription.previous_until > timezone.now():
        raise SecretReplaced("The secret was replaced less than a day ago. Wait, or add another subscription.")
    subscription.secret_number += 1
    subscription.previous_until = timezone.now() + OVERLAP
    subscription.save(update_fields=["secret_number", "previous_until"])
    names = [f"subscription:{subscription.pk}", "setting:secret"]
    record(Action.SETTINGS_CHANGED, client_id=subscription.client_id, objects=names)
    return secret_text(subscription)


def purge() -> int:
    """Delete messages that are older than `DELIVERY_DAYS`, sent or not. Returns how many."""
    return Delivery.objects.expired(days=settings.DELIVERY_DAYS).delete()[0]


def _record_sending(delivery: Delivery) -> None:
    """That somebody had this message sent."""
    names = [f"subscription:{delivery.subscription_id}", f"delivery:{delivery.pk}", *delivery.objects_named]
    record(Action.EXPORT, client_id=delivery.subscription.client_id, objects=names)


def _require_active(subscription: Subscription) -> None:
    if not subscription.is_active:
        raise SubscriptionOff("This subscription is switched off. Activate it first.")
