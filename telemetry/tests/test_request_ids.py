"""Which ids of callers are taken over, and how an id gets into a message and out of it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery.utils.imports import symbol_by_name
from celery.worker.request import Request

from telemetry import messages
from telemetry.request_ids import accepted, request_id
from vision.inference import several


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    token = request_id.set("")
    yield
    request_id.reset(token)


@pytest.mark.parametrize("sent", ["a", "A-1.b_2:3", "x" * 128])
def test_an_id_of_the_caller_is_kept(sent: str) -> None:
    assert accepted(sent) == sent


@pytest.mark.parametrize("sent", [None, "", "x" * 129, "a b", "a,b", "a\n", "ä", "<b>", '"'])
def test_anything_else_is_replaced(sent: str | None) -> None:
    made = accepted(sent)
    assert len(made) == 32 and made != accepted(sent)
    assert accepted(made) == made


def test_a_message_that_was_kept_for_later_keeps_its_id() -> None:
    request_id.set("of another request")
    for kept in ("r1", ""):
        headers = {"request_id": kept}
        messages.send_id(headers=headers)
        assert headers["request_id"] == kept


def task(**request: Any) -> Any:
    """A task whose message has these headers."""
    return SimpleNamespace(name="a task", request=SimpleNamespace(is_eager=False, get=request.get))


def test_a_message_carries_the_id_to_the_task_and_no_further() -> None:
    headers: dict[str, Any] = {"argsrepr": "(0.1, 0.2)", "kwargsrepr": "{}"}
    request_id.set("r1")
    messages.send_id(headers=headers)
    assert headers == {"argsrepr": "…", "kwargsrepr": "…", "request_id": "r1", "faceapp_actor": []}

    request_id.set("of the task before")
    messages.take_id(task=task(**headers))
    assert request_id.get() == "r1"
    messages.drop_id(task=task(**headers))
    assert request_id.get() == ""


def test_a_message_that_no_request_caused_has_no_id() -> None:
    headers: dict[str, Any] = {}
    messages.send_id(headers=headers)
    assert not headers["request_id"]
    request_id.set("of the task before")
    messages.take_id(task=task(**headers))
    assert request_id.get() == ""


@pytest.mark.parametrize("name", ["on_timeout", "on_failure"])
def test_what_a_worker_says_of_a_lost_child_has_the_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(Request, name, lambda *_: seen.append(request_id.get()))
    request = messages.SeenRequest.__new__(messages.SeenRequest)
    request._request_dict = {"request_id": "r5"}
    getattr(request, name)(False, 30.0)
    assert (seen, request_id.get()) == (["r5"], "")


def test_every_task_is_one_whose_message_has_the_id() -> None:
    from vision.tasks import ping

    assert isinstance(ping, messages.SeenTask)
    assert symbol_by_name(ping.Request) is messages.SeenRequest


def test_images_of_one_call_are_sent_with_its_id() -> None:
    request_id.set("r6")
    assert set(several(lambda _: request_id.get(), range(20))) == {"r6"}
