"""Messages of each client are in a queue a few at a time; a busy client's wait for their turn."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from celery import shared_task
from pytest_django.fixtures import Settings

from telemetry.request_ids import request_id
from vision import dispatch
from vision.dispatch import BULK, HEADER, INTERACTIVE, handoff


@shared_task(name="vision.tests.nothing")
def nothing(number: int) -> None:
    """What is sent; nobody works on it."""


@pytest.fixture(autouse=True)
def empty(settings: Settings, unread_queue: None) -> Iterator[None]:
    settings.CLIENT_AT_ONCE = 2
    forget()
    yield
    forget()


def forget() -> None:
    keys = [*handoff().scan_iter("faceapp:under-way:*"), *handoff().scan_iter("faceapp:waiting:*")]
    handoff().delete(*keys, INTERACTIVE, BULK)


def queued(queue: str = INTERACTIVE) -> list[tuple[str, int]]:
    """Client and number of the messages in the queue, the next one last."""
    messages = [json.loads(text) for text in handoff().lrange(queue, 0, -1)]
    return [(one["headers"][HEADER], json.loads(b64decode(one["body"]))[0][0]) for one in messages]


def take(queue: str = INTERACTIVE) -> tuple[str, int]:
    """Work on the next message, as a worker does."""
    message = json.loads(handoff().rpop(queue))
    headers: Any = message["headers"] | {"delivery_info": {"routing_key": queue}}
    nothing.push_request(**headers)
    try:
        dispatch._begin(task=nothing)
        dispatch._end(task=nothing, task_id=headers["id"])
    finally:
        nothing.pop_request()
    return headers[HEADER], json.loads(b64decode(message["body"]))[0][0]


def send(client: str, *numbers: int, queue: str = INTERACTIVE) -> None:
    for number in numbers:
        dispatch.send(nothing, (number,), queue=queue, client=client)


def test_a_client_with_much_work_is_overtaken() -> None:
    send("1", *range(10))
    send("2", 100)
    assert queued() == [("2", 100), ("1", 1), ("1", 0)]
    assert [take() for _ in range(11)] == [("1", 0), ("1", 1), ("2", 100), *[("1", number) for number in range(2, 10)]]
    assert queued() == [] and dispatch.waiting(INTERACTIVE) == 0


def test_clients_with_much_work_take_turns() -> None:
    send("1", *range(4))
    send("2", *range(4))
    assert [take()[0] for _ in range(8)] == ["1", "1", "2", "2", "1", "1", "2", "2"]


def test_queues_do_not_wait_for_each_other() -> None:
    send("1", *range(4), queue=BULK)
    send("2", *range(5), queue=BULK)
    send("1", 3)
    assert queued() == [("1", 3)]
    assert dispatch.waiting(BULK) == 2 + 3 and dispatch.waiting(INTERACTIVE) == 0


def test_work_for_nobody_does_not_wait() -> None:
    send("", *range(5))
    assert len(queued()) == 5


def test_whom_a_thread_acts_for_counts_and_a_task_goes_on_for_its_client() -> None:
    dispatch.act_for("7")
    dispatch.send(nothing, (1,), queue=INTERACTIVE)
    assert queued() == [("7", 1)]
    nothing.push_request(**{HEADER: "8"})
    try:
        dispatch._begin(task=nothing)
        dispatch.send(nothing, (2,), queue=INTERACTIVE)
    finally:
        nothing.pop_request()
    assert queued()[0] == ("8", 2)


def test_a_message_that_waited_has_the_id_of_its_own_request() -> None:
    for number in range(4):
        request_id.set(f"r{number}")
        send("1", number)
    request_id.set("of whoever makes room")
    try:
        for number in range(4):
            assert json.loads(handoff().lindex(INTERACTIVE, -1))["headers"]["request_id"] == f"r{number}"
            assert take() == ("1", number)
    finally:
        request_id.set("")


def test_a_message_that_was_never_finished_makes_room_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "LOST_SECONDS", -1)
    send("1", 0, 1)
    handoff().delete(INTERACTIVE)  # with the worker
    monkeypatch.setattr(dispatch, "LOST_SECONDS", 900)
    send("1", 2)
    assert queued() == [("1", 2)]


def test_a_message_that_came_too_late_makes_room() -> None:
    send("1", 0, 1, 2)
    headers = json.loads(handoff().rpop(INTERACTIVE))["headers"]

    class Revoked:
        id, delivery_info = headers["id"], {"routing_key": INTERACTIVE}
        get = staticmethod(headers.get)

    dispatch._drop(request=Revoked)
    assert [number for _, number in queued()] == [2, 1]


def test_what_waits_keeps_its_expiry() -> None:
    for number in range(3):
        dispatch.send(nothing, (number,), queue=INTERACTIVE, client="1", expires=30)
    take()
    expiries = [json.loads(text)["headers"]["expires"] for text in handoff().lrange(INTERACTIVE, 0, -1)]
    assert len(expiries) == 2 and all(expiries)
