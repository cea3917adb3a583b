"""Sending what is due: a round every few seconds, by one process at a time.

A message is sent at least once: if a process dies between the answer and the commit, the next round sends it again with
the same id. While a target fails, one message a minute is tried there.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from audit.services import record
from audit.types import Action
from errors import FaceAppError
from notifications.models import Delivery, Subscription
from notifications.sending import Sender
from notifications.signing import valid_secrets
from notifications.types import Outcome, State, Way
from work.alone import alone

log = logging.getLogger(__name__)

LOCK = 0x6E6F_7469  # of the advisory lock of the process that sends
ROUND_SECONDS = 15.0  # after which no further batch begins
SENDERS = 8
MOST_SUBSCRIPTIONS = 64  # in a round
MOST_DELIVERIES, FRESH_SECONDS = 10, 1.0  # of a batch, which does not know what was erased since it was read
DELAYS = [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=12)]
PAUSE = DELAYS[0]  # of everything else for a target that has failed
OFF_AFTER, OFF_AFTER_FAILURES = timedelta(days=3), 10


@dataclass(frozen=True)
class Batch:
    """What is due for one target, which gets one message after the other."""

    subscription: Subscription
    secrets: Sequence[str]
    deliveries: Sequence[Delivery]

    def send(self) -> list[tuple[Delivery, Outcome]]:
        """Send until something fails, or the batch is too old."""
        until = time.monotonic() + FRESH_SECONDS
        tried: list[tuple[Delivery, Outcome]] = []
        with Sender(self.subscription, self.secrets) as sender:
            for delivery in self.deliveries:
                if tried and (time.monotonic() >= until or not tried[-1][1].is_delivered):
                    break
                tried.append((delivery, sender.send(delivery)))
        return tried


def deliver_due() -> int:
    """Send what is due. Returns how many attempts were made; none if another process is at it."""
    with alone(LOCK) as is_alone:
        if not is_alone:
            return 0
        until = time.monotonic() + ROUND_SECONDS
        waiting = deque(Subscription.objects.with_due_deliveries()[:MOST_SUBSCRIPTIONS])
        sending: dict[Future[list[tuple[Delivery, Outcome]]], Batch] = {}
        count = 0
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="deliver") as senders:
            while waiting or sending:
                while waiting and len(sending) < SENDERS:
                    if batch := _batch(waiting.popleft().pk, until):
                        sending[senders.submit(batch.send)] = batch
                for future in wait(sending, return_when=FIRST_COMPLETED).done:
                    batch, tried = sending.pop(future), future.result()
                    _store(batch.subscription, tried)
                    count += len(tried)
                    waiting.append(batch.subscription)
        return count


def _batch(pk: int, until: float) -> Batch | None:
    """What is due for this subscription now; None if that is nothing, or at the end of the round."""
    if time.monotonic() >= until or not (subscription := Subscription.objects.filter(pk=pk, is_active=True).first()):
        return None
    if not (deliveries := list(subscription.deliveries.due()[:MOST_DELIVERIES])):
        return None
    try:
        secrets = valid_secrets(subscription, now=timezone.now()) if subscription.way == Way.WEBHOOK else []
    except FaceAppError as error:  # of the client's key: the others must not wait behind this one
        log.error("subscription %s has no secret: %s", subscription.pk, error.code)
        subscription.deliveries.due().update(due_at=timezone.now() + PAUSE)
        return None
    return Batch(subscription, secrets, deliveries)


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
