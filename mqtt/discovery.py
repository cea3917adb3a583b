"""Sensors of Home Assistant, which it makes by itself from messages about them (MQTT discovery)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.conf import settings

ORIGIN = {"name": "faceapp"}


@dataclass(frozen=True)
class Sensor:
    """`key` and `device` are letters, digits and underscores; `value` is a template of Home Assistant."""

    key: str
    name: str
    device: str
    device_name: str
    state_topic: str
    value: str
    icon: str
    is_time: bool = False

    @property
    def topic(self) -> str:
        return f"{settings.MQTT_DISCOVERY}/sensor/{self.device}/{self.key}/config"

    @property
    def payload(self) -> bytes:
        described = {
            "name": self.name,
            "unique_id": f"{self.device}_{self.key}",
            "state_topic": self.state_topic,
            "value_template": self.value,
            "json_attributes_topic": self.state_topic,
            "icon": self.icon,
            "device": {"identifiers": [self.device], "name": self.device_name, "manufacturer": "faceapp"},
            "origin": ORIGIN,
        }
        if self.is_time:
            described["device_class"] = "timestamp"
        return json.dumps(described, sort_keys=True).encode()
