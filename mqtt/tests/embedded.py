"""A real MQTT broker in a thread, and a client that keeps what it hears."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

logging.getLogger("amqtt").setLevel(logging.ERROR)
logging.getLogger("transitions").setLevel(logging.ERROR)
PLUGINS = "amqtt.plugins.authentication"
TOPICS = ["#"]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def broker(port: int, *, passwords: Path | None = None, tls: tuple[Path, Path] | None = None) -> Iterator[None]:
    """On the loopback address. `passwords`: a file that says who may connect. `tls`: certificate and key."""
    listener: dict[str, Any] = {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 20}
    if tls:
        listener |= {"ssl": True, "certfile": str(tls[0]), "keyfile": str(tls[1])}
    plugins: dict[str, Any] = {f"{PLUGINS}.AnonymousAuthPlugin": {"allow_anonymous": passwords is None}}
    if passwords:
        plugins[f"{PLUGINS}.FileAuthPlugin"] = {"password_file": str(passwords)}
    loop, is_up = asyncio.new_event_loop(), threading.Event()
    server: list[Broker] = []

    def run() -> None:
        asyncio.set_event_loop(loop)
        server.append(Broker({"listeners": {"default": listener}, "plugins": plugins}, loop=loop))
        loop.run_until_complete(server[0].start())
        is_up.set()
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert is_up.wait(30)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server[0].shutdown(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


class Listener:
    """Hears everything from the moment in which it was made."""

    def __init__(self, port: int, topics: list[str] = TOPICS) -> None:
        self.got: list[tuple[str, bytes, bool]] = []
        self._heard, self._is_ready = threading.Condition(), threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._keep
        self.client.on_subscribe = lambda *_: self._is_ready.set()
        self.client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in topics])
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._is_ready.wait(30)

    def _keep(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        """With quality of service 1 a message may come twice, as when the connection was made anew."""
        heard = (message.topic, message.payload, bool(message.retain))
        with self._heard:
            self.got += [] if heard in self.got else [heard]
            self._heard.notify_all()

    def wait(self, count: int, beginning: str = "") -> list[tuple[str, Any]]:
        """The first `count` messages below a topic, as soon as they are there."""

        def found() -> list[tuple[str, Any]]:
            return [(topic, json.loads(data)) for topic, data, _ in self.got if topic.startswith(beginning)]

        with self._heard:
            assert self._heard.wait_for(lambda: len(found()) >= count, 60), self.got
        return found()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def listening(port: int, topics: list[str] = TOPICS) -> Iterator[Listener]:
    listener = Listener(port, topics)
    try:
        yield listener
    finally:
        listener.close()
