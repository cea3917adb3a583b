"""Messages by MQTT, through a real broker: topics, names, sensors, and that nothing is lost while it is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django.fixtures import Settings

from blacklist.services import create_entry
from clients.models import Client
from console.tests.screened import screen
from mqtt.tests.embedded import Listener, broker, free_port, listening
from notifications.delivery import deliver_due
from notifications.models import Delivery, Subscription
from notifications.sending import body_of
from notifications.services import save_subscription, send_test
from notifications.tests.conftest import subscribe
from notifications.types import Event, State, Way
from people import services
from people.types import Probe, Whom
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def port(settings: Settings) -> int:
    port = free_port()
    settings.MQTT_HOST, settings.MQTT_PORT, settings.MQTT_TLS = "127.0.0.1", port, False
    return port


@pytest.fixture
def listener(port: int) -> Iterator[Listener]:
    with broker(port), listening(port) as heard:
        yield heard


def told(client: Client, **fields: Any) -> Subscription:
    return subscribe(client, "-", way=Way.MQTT, **fields)


def search(client: Client, *colours: tuple[int, int, int]) -> None:
    services.search_people(client=client, probe=Probe(picture(*colours)))


def test_hits_matches_and_unknown_faces_have_their_topics(
    client_a: Client, client_b: Client, port: int, listener: Listener
) -> None:
    row = told(client_a)
    assert row.target == f"faceapp/{client_a.pk}"
    enrolled = services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(name="Ada")).person
    entry = create_entry(client=client_a, name="Mallory", uploads=[Upload(picture(GREEN))]).entry
    search(client_a, RED, BLUE, DIM, GREEN)
    image = screen(client_a, GREEN)
    search(client_b, RED)
    assert deliver_due() == Delivery.objects.count() == 6
    got = dict(listener.wait(5))
    assert set(got) == {
        f"faceapp/{client_a.pk}/{event}" for event in ("hit", "job.done", "match", "person.enrolled", "unknown")
    }
    (match,) = got[f"{row.target}/match"]["data"]["matches"]
    assert (match["person"], match["face"], match["distance"]) == (enrolled.number, 0, pytest.approx(0, abs=5e-3))
    assert got[f"{row.target}/unknown"]["data"] == {"count": 2, "faces": [1, 3]}  # not the one that is too dim
    (hit,) = got[f"{row.target}/hit"]["data"]["hits"]
    assert (hit["entry"], got[f"{row.target}/hit"]["data"]["image"]) == (entry.number, image.number)
    everything = b"".join(payload for _, payload, _ in listener.got)
    assert b"Ada" not in everything and b"Mallory" not in everything
    assert not any(retained for *_, retained in listener.got)


def test_names_are_sent_where_the_client_wants_them(client_a: Client, listener: Listener, port: int) -> None:
    row = told(client_a, with_names=True, events=["match", "hit"])
    services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(external_id="7"))
    create_entry(client=client_a, name="Mallory", uploads=[Upload(picture(GREEN))])
    search(client_a, RED)
    screen(client_a, GREEN)
    deliver_due()
    got = dict(listener.wait(2))
    assert got[f"{row.target}/match"]["data"]["matches"][0]["name"] == "7"
    assert got[f"{row.target}/hit"]["data"]["hits"][0]["name"] == "Mallory"
    webhook = Subscription(client=client_a, name="w", target="a@example.org", way=Way.EMAIL, events=["hit"])
    webhook.with_names = True
    webhook.full_clean()
    assert not webhook.with_names


def test_nothing_is_lost_while_the_broker_is_away(client_a: Client, port: int) -> None:
    told(client_a, events=["unknown"])
    search(client_a, RED)
    search(client_a, BLUE)
    assert deliver_due() == 1
    first, second = Delivery.objects.order_by("-attempts")
    assert (first.status, first.error, second.attempts) == (State.PENDING, "mqtt.unreachable", 0)
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    with broker(port), listening(port) as listener:
        assert deliver_due() == 2
        assert {message["id"] for _, message in listener.wait(2)} == {str(first.pk), str(second.pk)}
    assert set(Delivery.objects.values_list("status", "error")) == {(State.DELIVERED, "")}
    assert Subscription.objects.get().failures == 0


def test_home_assistant_is_told_of_sensors(client_a: Client, listener: Listener, settings: Settings, port: int) -> None:
    row = Subscription(client=client_a, name="House", way=Way.MQTT, events=["match", "hit.confirmed", "unknown"])
    row.full_clean(exclude=["target"])
    assert save_subscription(subscription=row, changed=["name", "way", "events"]) == ""  # no secret
    deliver_due()
    sensors = dict(listener.wait(3, "homeassistant/"))
    device = f"faceapp_{client_a.pk}"
    match = sensors[f"homeassistant/sensor/{device}/match/config"]
    assert (match["state_topic"], match["unique_id"]) == (f"{row.target}/match", f"{device}_match")
    assert "device_class" not in match
    assert sensors[f"homeassistant/sensor/{device}/unknown/config"]["device_class"] == "timestamp"
    assert match["device"]["name"] == "House" and f"homeassistant/sensor/{device}/hit_confirmed/config" in sensors
    assert [topic for topic, _ in listener.wait(1, "faceapp/")] == [f"{row.target}/test"]
    with listening(port) as later:  # Home Assistant starts again
        assert len(later.wait(3, "homeassistant/")) == 3
    settings.MQTT_DISCOVERY = ""
    heard = len(listener.got)
    send_test(subscription=row)
    deliver_due()
    listener.wait(2, "faceapp/")
    assert len(listener.got) == heard + 1


def test_without_a_broker_messages_wait_and_say_why(client_a: Client) -> None:
    told(client_a, events=["unknown"])
    search(client_a, RED)
    assert deliver_due() == 1
    assert Delivery.objects.get().error == "mqtt.disabled"


def test_a_client_has_one_topic(client_a: Client, client_b: Client) -> None:
    told(client_a)
    with pytest.raises(ValidationError, match="already"):
        told(client_a)
    assert told(client_b).target == f"faceapp/{client_b.pk}"


def test_what_names_an_erased_person_goes(client_a: Client) -> None:
    told(client_a, with_names=True, events=["match"])
    person = services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(name="Ada")).person
    search(client_a, RED)
    assert "Ada" in json.dumps(Delivery.objects.get(event=Event.MATCH).data)
    services.erase_person(person=person)
    assert not Delivery.objects.exists()


def test_names_that_wait_are_left_out_once_nobody_wants_them(client_a: Client) -> None:
    row = told(client_a, with_names=True, events=["match", "hit"])
    services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(name="Ada"))
    search(client_a, RED)
    waiting = Delivery.objects.get()
    assert b"Ada" in body_of(waiting, row)
    row.with_names = False
    save_subscription(subscription=row, changed=["with_names"])
    body = body_of(waiting, Subscription.objects.get())
    assert b"Ada" not in body and b'"person":' in body


def test_nobody_is_asked_to_be_told_of_what_nobody_wants(client_a: Client) -> None:
    told(client_a, events=["hit"])
    search(client_a, RED)
    assert not Delivery.objects.exists()
