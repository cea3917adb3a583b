"""One attempt to deliver a message. Nothing here asks the database: attempts are made in threads of their own."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from notifications.models import Delivery, Subscription, rules
from notifications.signing import signature
from notifications.types import Event, Outcome, Way
from vision import fetching
from vision.exceptions import InvalidImage

log = logging.getLogger(__name__)

MOST_OF_ANSWER = 64 * 1024
ERRORS = {"image.url_refused": "webhook.refused", "image.url_timeout": "webhook.timeout"}


def send(delivery: Delivery, subscription: Subscription, secrets: Sequence[str]) -> Outcome:
    """Send one message. Never raises: one that cannot be sent must not hold up the others."""
    try:
        if subscription.way == Way.EMAIL:
            return _mail(delivery, subscription)
        return _post(delivery, subscription, secrets)
    except Exception as error:  # its message may name the target
        log.error("%s failed with %s", delivery, type(error).__name__)
        return Outcome(error="internal")


def body_of(delivery: Delivery, subscription: Subscription) -> bytes:
    """The message as JSON, the same bytes at each attempt."""
    message = {
        "id": str(delivery.pk),
        "event": delivery.event,
        "created_at": delivery.created_at.isoformat(),
        "subscription": str(subscription.uuid),
        "data": delivery.data,
    }
    return json.dumps(message, separators=(",", ":"), sort_keys=True).encode()


def _post(delivery: Delivery, subscription: Subscription, secrets: Sequence[str]) -> Outcome:
    body = body_of(delivery, subscription)
    headers = {
        "Content-Type": "application/json",
        "Faceapp-Event": delivery.event,
        "Faceapp-Delivery": str(delivery.pk),
        "Faceapp-Signature": signature(body, secrets=secrets, timestamp=int(time.time())),
    }
    try:
        status = fetching.post(
            subscription.target,
            body,
            headers=headers,
            rules=rules(),
            seconds=settings.WEBHOOK_TIMEOUT,
            most=MOST_OF_ANSWER,
        )
    except InvalidImage as error:
        return Outcome(error=ERRORS.get(error.code, "webhook.unreachable"))
    if 300 <= status < 400:
        return Outcome(status, "webhook.redirected")
    return Outcome(status, "" if 200 <= status < 300 else "webhook.answered_error")


def _mail(delivery: Delivery, subscription: Subscription) -> Outcome:
    if not settings.EMAIL_HOST:
        return Outcome(error="email.disabled")
    lines = [Event(delivery.event).label + ".", "", f"Event: {delivery.event}", f"Time: {delivery.created_at:%c} UTC"]
    lines += [f"{name.replace('_', ' ').capitalize()}: {_in_words(value)}" for name, value in delivery.data.items()]
    text = "\n".join([*lines, f"Message: {delivery.pk}", ""])
    subject = f"faceapp: {Event(delivery.event).label}"
    try:
        EmailMessage(subject, text, to=subscription.addresses, headers={"Message-ID": _message_id(delivery)}).send()
    except (SMTPException, OSError, ValueError):
        return Outcome(error="email.failed")
    return Outcome()


def _in_words(value: object) -> str:
    """A value of the data; each item of a list on a line of its own."""
    if not isinstance(value, list):
        return str(value)
    return "".join(f"\n  - {', '.join(f'{name} {part}' for name, part in item.items())}" for item in value)


def _message_id(delivery: Delivery) -> str:
    """The same for each attempt, so that programs recognise a second one."""
    return f"<{delivery.pk}@{settings.EMAIL_FROM.rpartition('@')[2].rstrip('>')}>"
