"""One attempt to deliver a message. Nothing here asks the database: attempts are made in threads of their own."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from smtplib import SMTPException
from typing import Any, Self

from django.conf import settings
from django.core.mail import EmailMessage

from mqtt.broker import BrokerUnavailable, Connection
from notifications.models import Delivery, Subscription, rules
from notifications.sensors import sensors_of
from notifications.signing import signature
from notifications.types import Event, Outcome, Way
from vision import fetching
from vision.exceptions import InvalidImage

log = logging.getLogger(__name__)

MOST_OF_ANSWER = 64 * 1024
ERRORS = {"image.url_refused": "webhook.refused", "image.url_timeout": "webhook.timeout"}


class Sender:
    """Sends messages of one subscription, one after the other; those by MQTT over one connection."""

    def __init__(self, subscription: Subscription, secrets: Sequence[str]) -> None:
        self._subscription, self._secrets = subscription, secrets
        self._open = ExitStack()
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        try:
            self._open.close()
        except Exception as error:  # what was acknowledged has been sent all the same
            log.error("a connection to the broker was not closed: %s", type(error).__name__)

    def send(self, delivery: Delivery) -> Outcome:
        """Send one message. Never raises: one that cannot be sent must not hold up the others."""
        try:
            if self._subscription.way == Way.EMAIL:
                return _mail(delivery, self._subscription)
            if self._subscription.way == Way.MQTT:
                return self._publish(delivery)
            return _post(delivery, self._subscription, self._secrets)
        except Exception as error:  # its message may name the target
            log.error("%s failed with %s", delivery, type(error).__name__)
            return Outcome(error="internal")

    def _publish(self, delivery: Delivery) -> Outcome:
        """To the topic of the event; with a test go the sensors for Home Assistant, which the broker keeps."""
        row = self._subscription
        try:
            if self._connection is None:
                self._connection = self._open.enter_context(Connection("outbox"))
            if delivery.event == Event.TEST:
                for sensor in sensors_of(row):
                    self._connection.publish(sensor.topic, sensor.payload, retain=True)
            self._connection.publish(f"{row.topic}/{delivery.event}", body_of(delivery, row))
        except BrokerUnavailable as error:
            return Outcome(error=error.code)
        return Outcome()


def body_of(delivery: Delivery, subscription: Subscription) -> bytes:
    """The message as JSON, the same bytes at each attempt.

    Names are left out once the subscription does not want them any more, also of messages that wait.
    """
    message = {
        "id": str(delivery.pk),
        "event": delivery.event,
        "created_at": delivery.created_at.isoformat(),
        "subscription": str(subscription.uuid),
        "data": delivery.data if subscription.with_names else _nameless(delivery.data),
    }
    return json.dumps(message, separators=(",", ":"), sort_keys=True).encode()


def _nameless(data: Any) -> Any:
    if isinstance(data, list):
        return [_nameless(one) for one in data]
    return {key: _nameless(one) for key, one in data.items() if key != "name"} if isinstance(data, dict) else data


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
