"""Sending what is due: a round every few seconds, by one process at a time.

A message is sent at least once: if a process dies between the answer and the commit, the next round sends it again with
the same id. While a target fails, one message a minute is tried there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from audit.services import record
from audit.types import Action
from errors import FaceAppError
from notifications.models import Delivery, Subscription
from notifications.sending import send
from notifications.signing import valid_secrets
from notifications.types import Outcome, State, Way
from work.alone import alone

log = logging.getLogger(__name__)

LOCK = 0x6E6F_7469  # of the advisory lock of the process that sends
ROUND_SECONDS = 15.0  # after which no further attempt begins
SENDERS = 8
MOST_SUBSCRIPTIONS, MOST_DELIVERIES = 64, 200  # in a round, and of one subscription in it
DELAYS = [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=12)]
PAUSE = DELAYS[0]  # of everything else for a target that has failed
OFF_AFTER, OFF_AFTER_FAILURES = timedelta(days=3), 10


@dataclass(frozen=True)
class Batch:
    """What is due for one target, which gets one message after the other."""

    subscription: Subscription
    secrets: Sequence[str]
    deliveries: Sequence[Delivery]

    def send(self, until: float) -> list[tuple[Delivery, Outcome]]:
        """Send until something fails, or until this moment of the monotonic clock."""
        tried: list[tuple[Delivery, Outcome]] = []
        for delivery in self.deliveries:
            if time.monotonic() >= until or (tried and not tried[-1][1].is_delivered):
                break
            tried.append((delivery, send(delivery, self.subscription, self.secrets)))
        return tried


def deliver_due() -> int:
    """Send what is due. Returns how many attempts were made; none if another process is at it."""
    with alone(LOCK) as is_alone:
        if not is_alone:
            return 0
        now, until = timezone.now(), time.monotonic() + ROUND_SECONDS
        waiting = list(Subscription.objects.with_due_deliveries()[:MOST_SUBSCRIPTIONS])
        batches = [batch for one in waiting if (batch := _batch(one, now))]
        count = 0
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="deliver") as senders:
            for batch, tried in zip(batches, senders.map(lambda batch: batch.send(until), batches), strict=True):
                _store(batch.subscription, tried)
                count += len(tried)
        return count


def _batch(subscription: Subscription, now: datetime) -> Batch | None:
    """What is due; None where the client's key cannot be had, which must not hold up the others."""
    try:
        secrets = valid_secrets(subscription, now=now) if subscription.way == Way.WEBHOOK else []
    except FaceAppError as error:
        log.error("subscription %s has no secret: %s", subscription.pk, error.code)
        return None
    return Batch(subscription, secrets, list(subscription.deliveries.due()[:MOST_DELIVERIES]))


@transaction.atomic
def _store(subscription: Subscription, tried: Sequence[tuple[Delivery, Outcome]]) -> None:
    """What became of the attempts, and what that means for the rest."""
    now = timezone.now()
    for delivery, outcome in tried:
        attempts = delivery.attempts + 1
        is_over = attempts > len(DELAYS)
        status = State.DELIVERED if outcome.is_delivered else State.FAILED if is_over else State.PENDING
        due_at = delivery.due_at if status != State.PENDING else now + DELAYS[attempts - 1]
        Delivery.objects.filter(pk=delivery.pk).update(
            status=status, attempts=attempts, due_at=due_at, tried_at=now, answer=outcome.answer, error=outcome.error
        )
    if any(outcome.is_delivered for _, outcome in tried):
        subscription.failures, subscription.failing_since = 0, None
    if tried and not tried[-1][1].is_delivered:
        _note_failure(subscription, now)
    Subscription.objects.filter(pk=subscription.pk).update(
        failures=subscription.failures, failing_since=subscription.failing_since
    )


def _note_failure(subscription: Subscription, now: datetime) -> None:
    """Pause, and after days of nothing but failures switch the subscription off."""
    subscription.failures += 1
    subscription.failing_since = subscription.failing_since or now
    waiting = Delivery.objects.filter(subscription=subscription)
    waiting.due().update(due_at=now + PAUSE)
    if subscription.failures < OFF_AFTER_FAILURES or now - subscription.failing_since < OFF_AFTER:
        return
    Subscription.objects.filter(pk=subscription.pk).update(is_active=False, switched_off_at=now)
    waiting.pending().update(status=State.FAILED, error="subscription.off")
    names = [f"subscription:{subscription.pk}", "setting:is_active"]
    record(Action.SETTINGS_CHANGED, client_id=subscription.client_id, objects=names)
    log.warning("subscription %s was switched off: nothing has arrived for %s days", subscription.pk, OFF_AFTER.days)
