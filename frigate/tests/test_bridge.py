"""The bridge between a real broker, a server that behaves as Frigate does, and the API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from paho.mqtt import client as paho
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from frigate.bridge import Bridge
from frigate.calls import BridgeError, Calls
from frigate.types import Kind, Seen, Waiting, seen_in
from mqtt.tests.embedded import broker, free_port, listening
from people.services import enrol_face
from people.types import Whom
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload

EVENT = "1607123955.475377-mxklsc"


def message(kind: str = "update", **after: Any) -> dict[str, Any]:
    """As Frigate 0.14 to 0.16 publishes it, in the fields that matter."""
    described = {
        "id": EVENT, "camera": "front_door", "label": "person", "sub_label": None, "false_positive": False,
        "has_snapshot": True, "snapshot": {"frame_time": 1607123965.975463, "box": [415, 489, 528, 700]},
        "start_time": 1607123955.475377, "end_time": None,
    }  # fmt: skip
    return {"type": kind, "before": {}, "after": described | after}


class FrigateServer(ThreadingHTTPServer):
    """`pictures` by event; `labels` are those it was given. An event without a picture is gone."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pictures: dict[str, bytes] = {}
        self.labels: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.status = 200


class Handler(BaseHTTPRequestHandler):
    server: FrigateServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        data = self.server.pictures.get(self.path.split("/")[3])
        self.answer(404 if data is None else self.server.status, data or b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.labels.append((self.path, body))
        self.answer(self.server.status, b"{}")

    def answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture
def server(settings: Settings) -> Iterator[FrigateServer]:
    with FrigateServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        settings.FRIGATE_URL = f"http://127.0.0.1:{server.server_address[1]}"
        settings.FRIGATE_NAMES = True
        settings.MQTT_HOST, settings.MQTT_PORT, settings.MQTT_TLS = "127.0.0.1", free_port(), False
        yield server
        server.shutdown()
        thread.join()


def calls(answer: Callable[[httpx.Request], httpx.Response] | None = None) -> Calls:
    """To the server, and to this service's API in this thread or to whatever answers for it."""
    made = Calls(threading.Event())
    made._service = httpx.Client(transport=httpx.MockTransport(answer or of_api), headers=made._service.headers)
    return made


def of_api(request: httpx.Request) -> httpx.Response:
    kind, key = request.headers["Content-Type"], request.headers["X-API-Key"]
    answer = APIClient().generic(
        request.method, request.url.path, request.read(), content_type=kind, headers={"X-API-Key": key}
    )
    return httpx.Response(answer.status_code, content=answer.content)


def found(*decisions: str) -> Callable[[httpx.Request], httpx.Response]:
    """Answers of the API: faces with these decisions."""
    ada = {"person_id": 7, "person_uuid": "u", "name": "Ada", "external_id": None, "comparison": {"similarity": 0.97}}
    faces = [{"decision": one, "candidates": [ada]} for one in decisions]
    return lambda request: httpx.Response(200, json={"faces": faces})


@contextmanager
def bridged(made: Calls) -> Iterator[Bridge]:
    """It runs in a thread of its own."""
    stop = threading.Event()
    bridge = Bridge(made, stop)
    thread = threading.Thread(target=bridge.run)
    thread.start()
    try:
        yield bridge
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


class Said(list[tuple[str, Any]]):
    """What a bridge without a broker publishes."""

    def publish(self, topic: str, payload: bytes, **_: Any) -> None:
        self.append((topic, json.loads(payload)))


def alone(made: Calls) -> tuple[Bridge, Said]:
    bridge, said = Bridge(made, threading.Event()), Said()
    bridge.client = said  # type: ignore[assignment]
    return bridge, said


def seen(**after: Any) -> Seen:
    kind = after.pop("kind", "update")
    one = seen_in(message(kind, **after))
    assert one
    return one


# ---- the whole way ----------------------------------------------------------------------------------------------
def test_a_person_in_front_of_a_camera_gets_a_name(server: FrigateServer, settings: Settings) -> None:
    server.pictures[EVENT] = picture(RED)
    with broker(settings.MQTT_PORT), bridged(calls(found("match"))) as bridge, listening(settings.MQTT_PORT) as heard:
        assert bridge.is_hearing.wait(60)
        for payload in (b"no json", b"[1]", *(json.dumps(one) for one in (message(label="dog"), message()))):
            heard.client.publish("frigate/events", payload, qos=1)
        [(topic, told)] = heard.wait(1, "faceapp/frigate/")
        [(config, sensor)] = heard.wait(1, "homeassistant/")
    assert (topic, told["name"], told["person"], told["event"]) == ("faceapp/frigate/front_door", "Ada", 7, EVENT)
    assert (config, sensor["state_topic"]) == ("homeassistant/sensor/faceapp_frigate/front_door/config", topic)
    assert server.labels == [(f"/api/events/{EVENT}/sub_label", {"subLabel": "Ada", "subLabelScore": 0.97})]
    assert server.asked == [f"/api/events/{EVENT}/snapshot.jpg?crop=1&bbox=0&timestamp=0&quality=95"]


@pytest.mark.django_db
def test_the_api_is_asked_with_the_clients_key(server: FrigateServer, settings: Settings, client_a: Client) -> None:
    settings.FRIGATE_KEY = create_api_key(client_name=client_a.name, scopes=["people:search"])[1]
    enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(name="Ada", source="family"))
    made = calls()
    found = made.search(picture(RED))
    assert (found.kind, found.name, found.similarity) == (Kind.MATCH, "Ada", pytest.approx(1, abs=5e-3))
    kinds = [made.search(picture(*colours)).kind for colours in ((BLUE,), (), (RED, GREEN))]
    assert kinds == [Kind.UNKNOWN, Kind.NO_FACE, Kind.SEVERAL]
    settings.FRIGATE_SOURCES = ["guests", "family"]
    assert made.search(picture(RED)).name == "Ada"
    settings.FRIGATE_SOURCES = ["guests"]
    assert made.search(picture(RED)).kind == Kind.UNKNOWN
    settings.FRIGATE_KEY = "wrong"
    with pytest.raises(BridgeError, match=r"service.refused \(401\)"):
        calls().search(picture(RED))


# ---- which events, and how often --------------------------------------------------------------------------------
def test_only_a_new_snapshot_is_looked_at(server: FrigateServer) -> None:
    server.pictures[EVENT] = picture(RED)
    bridge, said = alone(calls(found("no_match")))
    for kind, at in (("new", 1.0), ("update", 1.0), ("update", 2.0), ("end", 2.0)):
        bridge.look_at(seen(kind=kind, snapshot={"frame_time": at}))
    assert (len(server.asked), [told["decision"] for _, told in said[1:]]) == (2, ["unknown"])
    assert "person" not in said[1][1]
    for number in range(20):
        bridge.look_at(seen(snapshot={"frame_time": 10.0 + number}))
    assert len(server.asked) == 2 + 8


def test_without_times_the_first_and_the_last_are_looked_at(server: FrigateServer) -> None:
    server.pictures[EVENT] = picture(RED)
    bridge, _ = alone(calls(found("no_match")))
    for kind in ("new", "update", "update", "end"):
        bridge.look_at(seen(kind=kind, snapshot=None, snapshot_time=None))
    assert len(server.asked) == 2


def test_a_name_is_given_once_and_not_over_another(server: FrigateServer) -> None:
    server.pictures[EVENT] = picture(RED)
    bridge, said = alone(calls(found("match")))
    bridge.look_at(seen(sub_label=["Eve", 0.9]))
    bridge.look_at(seen(has_snapshot=False))
    assert not said and not server.asked
    for at in (1.0, 2.0):
        bridge.look_at(seen(snapshot={"frame_time": at}))
    assert len(server.labels) == 1


@pytest.mark.parametrize("decisions", [("match", "no_match"), ("review",), ("not_recognisable",), ("no_match",)])
def test_what_is_not_certain_gets_no_name(server: FrigateServer, decisions: tuple[str, ...]) -> None:
    server.pictures[EVENT] = picture(RED)
    bridge, said = alone(calls(found(*decisions)))
    bridge.look_at(seen())
    assert not server.labels and b"Ada" not in json.dumps(said).encode()


def test_names_stay_here_unless_they_are_wanted(server: FrigateServer, settings: Settings) -> None:
    settings.FRIGATE_NAMES = False
    server.pictures[EVENT] = picture(RED)
    bridge, said = alone(calls(found("match")))
    bridge.look_at(seen())
    assert said[1][1]["person"] == 7 and "name" not in said[1][1] and not server.labels


# ---- what goes wrong --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (None, 200, "frigate.gone"),
        (b"<!DOCTYPE html><title>Log in</title>", 200, "frigate.not_an_image"),
        (b"", 200, "frigate.not_an_image"),
        (b"x" * 5000, 200, "frigate.too_large"),
        (b"", 401, "frigate.refused"),
        (b"", 302, "frigate.refused"),
        (b"", 500, "frigate.failed"),
    ],
)
def test_snapshots_that_are_none(
    server: FrigateServer, settings: Settings, data: bytes | None, status: int, code: str
) -> None:
    settings.MAX_IMAGE_BYTES = 4000
    server.status = status
    if data is not None:
        server.pictures[EVENT] = data
    made = calls(found("match"))
    with pytest.raises(BridgeError) as refused:
        made.snapshot(EVENT)
    assert refused.value.code == code
    bridge, said = alone(made)
    bridge.look_at(seen())
    server.pictures[EVENT], server.status = picture(RED), 200
    bridge.look_at(seen(id="1.1-next", snapshot={"frame_time": 5.0}))  # gone: nobody minds
    bridge.look_at(seen(snapshot={"frame_time": 5.0}))
    assert bool(said) == (code not in {"frigate.gone", "frigate.refused"})


def test_frigate_is_away(server: FrigateServer, settings: Settings) -> None:
    settings.FRIGATE_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(BridgeError, match=r"frigate.unreachable"):
        calls().snapshot(EVENT)


def test_a_busy_service_is_asked_again_and_a_bad_answer_is_none(
    server: FrigateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frigate.calls.PATIENCE", 0.0)
    answers = [httpx.Response(503), httpx.Response(429), found("match")(None)]  # type: ignore[arg-type]
    assert calls(lambda _: answers.pop(0)).search(b"x").kind == Kind.MATCH
    for bad in (b"<html>", b"[]", b'{"faces": 3}', b'{"faces": [{"decision": "odd", "candidates": []}]}'):
        with pytest.raises(BridgeError, match=r"service.failed"):
            calls(lambda _, bad=bad: httpx.Response(200, content=bad)).search(b"x")  # type: ignore[misc]
    with pytest.raises(BridgeError, match=r"service.busy \(503\)"):
        calls(lambda _: httpx.Response(503)).search(b"x")


def test_an_error_nobody_thought_of_stops_nothing(server: FrigateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pictures[EVENT] = picture(RED)
    made = calls(found("match"))
    bridge, said = alone(made)
    monkeypatch.setattr(made, "search", None)
    bridge.look_at(seen())
    monkeypatch.undo()
    bridge.look_at(seen())
    assert len(said) == 2


@pytest.mark.parametrize(
    "bad",
    [
        None, [], {}, {"after": []}, message(id="../../config"), message(id=".."), message(id=5), message(camera=None),
        message(label="car"), message(false_positive=True), message(id="x" * 200),
    ],
)  # fmt: skip
def test_messages_about_something_else(bad: Any) -> None:
    assert seen_in(bad) is None


@pytest.mark.parametrize("payload", [b"{", b"[" * 100_000, b"\xff"])
def test_no_message_ends_the_hearing(payload: bytes, server: FrigateServer) -> None:
    """What is raised in this function ends paho's thread, and with it the bridge's hearing."""
    bridge, _ = alone(calls())
    huge = json.dumps(message(snapshot=None, snapshot_time=0)).replace(
        '"snapshot_time": 0', '"snapshot_time": ' + "9" * 400
    )
    for content in (payload, huge.encode()):
        heard = paho.MQTTMessage(topic=b"frigate/events")
        heard.payload = content
        bridge._on_message(bridge.client, None, heard)
    assert bridge.waiting.take(0) is None


def test_a_broker_that_is_away_is_told(
    server: FrigateServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MQTT_HOST, settings.MQTT_PORT, settings.MQTT_TLS = "127.0.0.1", free_port(), False
    stop = threading.Event()
    bridge = Bridge(calls(), stop, lambda: "does not answer" in caplog.text and stop.set())
    bridge.run()
    assert settings.MQTT_HOST not in caplog.text


def test_names_of_cameras_become_parts_of_topics() -> None:
    assert seen(camera="Front/Door #1+").place == "Front_Door__1_"


def test_a_full_queue_drops_the_oldest_and_keeps_the_newest_of_each() -> None:
    waiting = Waiting(2)
    names = (("a", 1.0), ("b", 1.0), ("a", 2.0), ("c", 1.0))
    dropped = [waiting.put(Seen(name, "x", at, True, False, False)) for name, at in names]
    taken = [waiting.take(0), waiting.take(0), waiting.take(0)]
    assert [one and one.event for one in taken] == ["b", "c", None]
    assert dropped == [None, None, None, Seen("a", "x", 2.0, True, False, False)]


def test_the_command_says_what_it_lacks() -> None:
    with pytest.raises(CommandError, match=r"FACEAPP_MQTT_HOST, FACEAPP_FRIGATE_URL, FACEAPP_FRIGATE_KEY"):
        call_command("frigate_bridge", stdout=StringIO())
