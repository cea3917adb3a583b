"""Subscriptions and what was sent for them, as pages show them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from console.keyset import older, place
from notifications.models import Delivery, Subscription
from notifications.types import Event, Standing, State, Way

ON_A_PAGE = 25
STATES = {
    Standing.ACTIVE: (_("active"), "good"),
    Standing.FAILING: (_("failing"), "alarm"),
    Standing.INACTIVE: (_("inactive"), ""),
    Standing.SWITCHED_OFF: (_("switched off by the service"), "alarm"),
}
STATUSES = {
    State.PENDING: (_("waiting"), ""),
    State.DELIVERED: (_("arrived"), "good"),
    State.FAILED: (_("failed"), "alarm"),
}
EVENTS = {
    Event.HIT: _("Hit"),
    Event.HIT_CONFIRMED: _("Confirmed hit"),
    Event.JOB_DONE: _("Job finished"),
    Event.PERSON_ENROLLED: _("Enrolment"),
    Event.MATCH: _("Recognised"),
    Event.UNKNOWN: _("Unknown face"),
    Event.TEST: _("Test"),
}
ERRORS = {
    "webhook.refused": _("The address is not allowed."),
    "webhook.unreachable": _("The program could not be reached."),
    "webhook.timeout": _("The program did not answer in time."),
    "webhook.redirected": _("The program answered with a redirect, which is not followed."),
    "webhook.answered_error": _("The program answered with an error."),
    "email.disabled": _("No mail server is configured."),
    "email.failed": _("The mail server did not take the message."),
    "mqtt.disabled": _("No MQTT broker is configured."),
    "mqtt.unreachable": _("The MQTT broker could not be reached."),
    "mqtt.refused": _("The MQTT broker refused this service: its name, password or certificate is wrong."),
    "mqtt.timeout": _("The MQTT broker did not answer in time."),
    "subscription.off": _("Sending was switched off before."),
}
UNKNOWN = _("An error of the service, which its log names.")


@dataclass(frozen=True)
class ShownSubscription:
    row: Subscription

    @property
    def state(self) -> Any:
        return STATES[self.row.state][0]

    @property
    def tone(self) -> str:
        return STATES[self.row.state][1]

    @property
    def events(self) -> list[Any]:
        return [EVENTS[Event(event)] for event in self.row.events]

    @property
    def is_webhook(self) -> bool:
        return self.row.way == Way.WEBHOOK

    @property
    def is_mqtt(self) -> bool:
        return self.row.way == Way.MQTT


@dataclass(frozen=True)
class ShownDelivery:
    row: Delivery

    @property
    def event(self) -> Any:
        return EVENTS[Event(self.row.event)]

    @property
    def status(self) -> Any:
        return STATUSES[State(self.row.status)][0]

    @property
    def tone(self) -> str:
        return STATUSES[State(self.row.status)][1]

    @property
    def data(self) -> list[tuple[str, str]]:
        return [(name, part if isinstance(part, str) else json.dumps(part)) for name, part in self.row.data.items()]

    @property
    def is_waiting(self) -> bool:
        return self.row.status == State.PENDING

    @property
    def failure(self) -> Any:
        return ERRORS.get(self.row.error, UNKNOWN) if self.row.error else ""


@dataclass(frozen=True)
class Log:
    """A page of what was sent, newest first. `following` names where the next one starts; empty: there is none."""

    deliveries: list[ShownDelivery]
    following: str
    is_first: bool

    @property
    def is_waiting(self) -> bool:
        return any(one.is_waiting for one in self.deliveries)

    @property
    def newest(self) -> str:
        return str(self.deliveries[0].row.pk) if self.deliveries else ""

    @property
    def names(self) -> list[str]:
        return [name for one in self.deliveries for name in one.row.objects_named]


def log_of(subscription: Subscription, before: str) -> Log:
    start = place(before, numbers=False)
    rows = subscription.deliveries.order_by("-created_at", "-pk")
    if start:
        rows = older(rows, start, time="created_at")
    found = list(rows[: ON_A_PAGE + 1])
    shown = [ShownDelivery(row) for row in found[:ON_A_PAGE]]
    last = shown[-1].row if len(found) > ON_A_PAGE else None
    return Log(shown, f"{last.created_at.isoformat()}~{last.pk}" if last else "", start is None)
