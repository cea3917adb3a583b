"""What Home Assistant shows of a subscription by MQTT: a sensor for each event."""

from __future__ import annotations

from django.conf import settings

from mqtt.discovery import Sensor
from notifications.models import Subscription
from notifications.types import Event

WHEN = "{{ value_json.created_at }}"
NAMES = {
    Event.HIT: "Last hit",
    Event.HIT_CONFIRMED: "Last confirmed hit",
    Event.JOB_DONE: "Last finished job",
    Event.PERSON_ENROLLED: "Last enrolment",
    Event.MATCH: "Last person",
    Event.UNKNOWN: "Last unknown face",
}
VALUES = {  # of the others: when it happened
    Event.HIT: "{{ value_json.data.hits[0].name | default(value_json.data.hits[0].entry) }}",
    Event.HIT_CONFIRMED: "{{ value_json.data.name | default(value_json.data.entry) }}",
    Event.MATCH: "{{ value_json.data.matches[0].name | default(value_json.data.matches[0].person) }}",
}
ICONS = {Event.HIT: "mdi:account-alert", Event.HIT_CONFIRMED: "mdi:account-alert", Event.MATCH: "mdi:account-check",
         Event.UNKNOWN: "mdi:account-question"}  # fmt: skip


def sensors_of(subscription: Subscription) -> list[Sensor]:
    """None if the settings want no discovery."""
    if not settings.MQTT_DISCOVERY:
        return []
    device = f"{settings.MQTT_TOPIC}_{subscription.client_id}".replace("/", "_")
    return [
        Sensor(
            key=event.value.replace(".", "_"),
            name=NAMES[event],
            device=device,
            device_name=subscription.name or "faceapp",
            state_topic=f"{subscription.topic}/{event.value}",
            value=VALUES.get(event, WHEN),
            icon=ICONS.get(event, "mdi:bell"),
            is_time=event not in VALUES,
        )
        for event in map(Event, subscription.events)
    ]
