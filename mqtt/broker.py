"""A connection to the MQTT broker that the settings name (docs/mqtt.md).

MQTT 3.1.1, quality of service 1: what `publish` has returned for, the broker has acknowledged.
"""

from __future__ import annotations

import ssl
import threading
import time
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from django.conf import settings
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from errors import Unavailable

AT_LEAST_ONCE = 1
KEEP_ALIVE = 30  # seconds
POLL = 0.02  # seconds between looks at whether a message was acknowledged
REFUSED = {"Not authorized", "Bad user name or password", "Client identifier not valid", "Banned"}


class BrokerUnavailable(Unavailable):
    """`mqtt.unreachable`, `mqtt.refused` (name, password or certificate), `mqtt.timeout`, or `mqtt.disabled`."""

    code = "mqtt.unreachable"


def is_enabled() -> bool:
    return bool(settings.MQTT_HOST)


def topic(*parts: object) -> str:
    """A topic below that of the deployment. Parts hold no `/`, `+` or `#`."""
    return "/".join([settings.MQTT_TOPIC, *map(str, parts)])


def new_client(name: str) -> paho.Client:
    """A client with the name, password and encryption of the settings, not connected yet."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=f"faceapp-{name}-{uuid4().hex[:8]}", protocol=paho.MQTTv311
    )
    if settings.MQTT_USER:
        client.username_pw_set(settings.MQTT_USER, settings.MQTT_PASSWORD or None)
    if settings.MQTT_TLS:
        client.tls_set_context(ssl.create_default_context(cafile=settings.MQTT_CA_FILE or None))
    client.connect_timeout = settings.MQTT_TIMEOUT
    return client


class Connection:
    """An open connection, for as long as the block lasts. Every attempt takes at most `MQTT_TIMEOUT` seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._answered, self._reason = threading.Event(), ""
        self._client: paho.Client | None = None

    def __enter__(self) -> Self:
        """Raises `BrokerUnavailable`."""
        if not is_enabled():
            raise BrokerUnavailable("No MQTT broker is configured.", code="mqtt.disabled")
        try:
            client = new_client(self._name)
            client.on_connect = self._on_connect
            client.connect(settings.MQTT_HOST, settings.MQTT_PORT, keepalive=KEEP_ALIVE)
        except ssl.SSLCertVerificationError:
            raise BrokerUnavailable("The broker's certificate is not trusted.", code="mqtt.refused") from None
        except TimeoutError:
            raise BrokerUnavailable("The broker did not answer in time.", code="mqtt.timeout") from None
        except (OSError, ValueError):  # ValueError: of a name that cannot be one
            raise BrokerUnavailable("The broker cannot be reached.") from None
        self._client = client
        client.loop_start()
        if not self._answered.wait(settings.MQTT_TIMEOUT) or self._reason:
            self.__exit__(None, None, None)
            if not self._reason:
                raise BrokerUnavailable("The broker did not answer in time.", code="mqtt.timeout")
            code = "mqtt.refused" if self._reason in REFUSED else "mqtt.unreachable"
            raise BrokerUnavailable(f"The broker refuses this service: {self._reason}.", code=code)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def publish(self, to: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns when the broker has acknowledged it. Raises `BrokerUnavailable`."""
        if self._client is None:
            raise BrokerUnavailable("The connection is closed.")
        sent = self._client.publish(to, payload, qos=AT_LEAST_ONCE, retain=retain)
        until = time.monotonic() + settings.MQTT_TIMEOUT
        while not sent.is_published():
            if time.monotonic() >= until:
                raise BrokerUnavailable("The broker did not acknowledge a message in time.", code="mqtt.timeout")
            time.sleep(POLL)

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._reason = str(reason) if reason.is_failure else ""
        self._answered.set()
