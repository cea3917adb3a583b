"""The bridge: hears of people from Frigate by MQTT, has them recognised, and says who it was (docs/frigate.md).

One thread of paho hears; the bridge's own thread works on one event after the other. A bad event is logged and left.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from paho.mqtt import client as paho
from paho.mqtt.reasoncodes import ReasonCode

from frigate.calls import BridgeError, Calls
from frigate.types import Finding, Kind, Seen, Waiting, seen_in
from mqtt.broker import AT_LEAST_ONCE, KEEP_ALIVE, new_client, topic
from mqtt.discovery import Sensor

log = logging.getLogger(__name__)

MOST_WAITING = 100  # events
MOST_KNOWN = 1000  # events whose course is remembered
MOST_UNSENT = 1000  # messages while the broker is away
TRIES = 8  # snapshots of one event
FINAL = {"frigate.gone", "frigate.refused"}  # another try would fail as well
LARGEST_MESSAGE = 256 * 1024  # bytes
PULSE = 1.0  # seconds after which the bridge shows that it lives


@dataclass
class Course:
    """Of one event: what was tried, and said last."""

    tries: int = 0
    taken_at: float = -1.0
    said: Kind | None = None
    is_done: bool = False


class Bridge:
    """`pulse` is called about every second while it runs."""

    def __init__(self, calls: Calls, stop: threading.Event, pulse: Callable[[], object] = bool) -> None:
        self._calls, self._stop, self._pulse = calls, stop, pulse
        self.waiting, self.is_hearing = Waiting(MOST_WAITING), threading.Event()
        self._courses: OrderedDict[str, Course] = OrderedDict()
        self._announced: set[str] = set()
        self.client = new_client("frigate")
        self.client.on_connect, self.client.on_message = self._on_connect, self._on_message
        self.client.on_connect_fail = lambda *_: log.warning("the broker does not answer; the bridge tries again")
        self.client.on_subscribe = lambda *_: self.is_hearing.set()
        self.client.reconnect_delay_set(1, 60)
        self.client.max_queued_messages_set(MOST_UNSENT)

    def run(self) -> None:
        """Until `stop` is set. A broker that is away is tried again and again."""
        self.client.connect_async(settings.MQTT_HOST, settings.MQTT_PORT, keepalive=KEEP_ALIVE)
        self.client.loop_start()
        try:
            while not self._stop.is_set():
                self._pulse()
                if seen := self.waiting.take(PULSE):
                    self.look_at(seen)
        finally:
            self.client.disconnect()
            self.client.loop_stop()

    # ---- hearing ------------------------------------------------------------------------------------------------
    def _on_connect(self, client: paho.Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            log.error("the broker refuses the bridge: %s", reason)
            return
        log.info("connected; hearing of people from %s/events", settings.FRIGATE_TOPIC)
        self._announced.clear()  # a broker that has started again may have lost what it kept
        client.subscribe(f"{settings.FRIGATE_TOPIC}/events", qos=AT_LEAST_ONCE)

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        if message.retain or len(message.payload) > LARGEST_MESSAGE:
            return
        try:
            seen = seen_in(json.loads(message.payload))
        except (ValueError, RecursionError, OverflowError):
            log.warning("a message on %s is no JSON that Frigate sends", message.topic)
            return
        if not seen or (settings.FRIGATE_CAMERAS and seen.camera not in settings.FRIGATE_CAMERAS):
            return
        if dropped := self.waiting.put(seen):
            log.warning("event %s was dropped: more than %s wait", dropped.event, MOST_WAITING)

    # ---- working ------------------------------------------------------------------------------------------------
    def look_at(self, seen: Seen) -> None:
        """Recognise the person, if there is something new to look at. Never raises."""
        course = self._courses.pop(seen.event, None) or Course()
        self._courses[seen.event] = course
        if len(self._courses) > MOST_KNOWN:
            self._courses.popitem(last=False)
        try:
            if self._is_due(seen, course):
                self._recognise(seen, course)
        except BridgeError as error:
            log.warning("event %s: %s", seen.event, error.message)
            course.is_done = error.code in FINAL
        except Exception as error:
            log.error("event %s failed with %s", seen.event, type(error).__name__)
        if seen.is_over:
            self._courses.pop(seen.event, None)

    def _is_due(self, seen: Seen, course: Course) -> bool:
        """Each snapshot once; one whose time is not known only when the event is over, and the first."""
        if course.is_done or seen.is_named or not seen.has_snapshot or course.tries >= TRIES:
            return False
        return seen.taken_at > course.taken_at or (seen.taken_at == 0.0 and seen.is_over)

    def _recognise(self, seen: Seen, course: Course) -> None:
        course.tries += 1
        data = self._calls.snapshot(seen.event)
        finding = self._calls.search(data)
        if finding.kind not in (course.said, Kind.NO_FACE):
            self._say(seen, finding)
        course.said = finding.kind
        if finding.kind == Kind.MATCH:
            if settings.FRIGATE_NAMES and finding.name:
                self._calls.name(seen.event, finding)
            course.is_done = True
        course.taken_at = seen.taken_at  # what has failed is tried again with the next message

    def _say(self, seen: Seen, finding: Finding) -> None:
        to = topic("frigate", seen.place)
        if settings.MQTT_DISCOVERY and seen.place not in self._announced:
            self._announced.add(seen.place)
            sensor = _sensor(seen, to)
            self.client.publish(sensor.topic, sensor.payload, qos=AT_LEAST_ONCE, retain=True)
        said: dict[str, Any] = {"event": seen.event, "camera": seen.camera, "decision": finding.kind}
        if finding.person is not None:
            said |= {"person": finding.person, "person_uuid": finding.person_uuid, "similarity": finding.similarity}
            said |= {"name": finding.name} if settings.FRIGATE_NAMES else {}
        self.client.publish(to, json.dumps(said).encode(), qos=AT_LEAST_ONCE)


def _sensor(seen: Seen, to: str) -> Sensor:
    device = f"{settings.MQTT_TOPIC}_frigate".replace("/", "_")
    return Sensor(
        key=seen.place.replace(".", "_"),
        name=f"Last face at {seen.camera}",
        device=device,
        device_name="faceapp and Frigate",
        state_topic=to,
        value="{{ value_json.name | default(value_json.person) | default(value_json.decision) }}",
        icon="mdi:cctv",
    )
