"""What is told, how, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import TextChoices


class Event(TextChoices):
    """What a client can be told. docs/webhooks.md says what each message holds."""

    HIT = "hit", "A screened image shows somebody on the blacklist"
    HIT_CONFIRMED = "hit.confirmed", "A hit has been confirmed"
    JOB_DONE = "job.done", "All images of a job are finished"
    PERSON_ENROLLED = "person.enrolled", "Photographs of a person were enrolled"
    MATCH = "match", "A search has recognised somebody"
    UNKNOWN = "unknown", "A search has found a face that it does not know"
    TEST = "test", "A test"


OFFERED = (
    Event.HIT, Event.HIT_CONFIRMED, Event.JOB_DONE, Event.PERSON_ENROLLED, Event.MATCH, Event.UNKNOWN
)  # fmt: skip


class Way(TextChoices):
    WEBHOOK = "webhook", "Webhook"
    EMAIL = "email", "E-mail"
    MQTT = "mqtt", "MQTT"


class Standing(TextChoices):
    """Of a subscription. `SWITCHED_OFF`: by the service, as nothing had arrived for days."""

    ACTIVE = "active", "Active"
    FAILING = "failing", "Failing"
    INACTIVE = "inactive", "Inactive"
    SWITCHED_OFF = "switched_off", "Switched off"


class State(TextChoices):
    """Of a delivery: `PENDING` until it has arrived or was tried for the last time."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


@dataclass(frozen=True)
class Message:
    """What is told of one event.

    `key` names it among those of its kind: a second one with the same key is not told. `data` is JSON with ids, numbers
    and times, never names, images or embeddings. `objects` are those that erasure knows, such as `person:12`. `named`:
    the data with names, for subscriptions that want them (`Subscription.with_names`); None: there are none.
    """

    key: str
    data: Mapping[str, Any]
    objects: Sequence[str]
    named: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """Of one attempt. `answer`: the HTTP status, if there was one. `error`: a code of docs/webhooks.md."""

    answer: int | None = None
    error: str = ""

    @property
    def is_delivered(self) -> bool:
        return not self.error
