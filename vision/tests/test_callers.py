"""How many calls of a client wait for workers at the same time, with a real queue that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from contextvars import Context
from itertools import islice
from threading import Event

import pytest
import redis
from pytest_django.fixtures import Settings

from vision import callers, dispatch, inference
from vision.exceptions import TooManyWaiting
from vision.raw_faces import RawFaceOptions
from vision.tests.drawing import RED, picture
from vision.types import Analysis


@pytest.fixture(autouse=True)
def empty(settings: Settings, unread_queue: None) -> Iterator[None]:
    settings.CLIENT_WAITING = 2
    forget()
    yield
    forget()


def forget() -> None:
    for pattern in ("faceapp:callers:*", "faceapp:image:*", "faceapp:under-way:*", "faceapp:waiting:*"):
        for key in dispatch.handoff().scan_iter(pattern):
            dispatch.handoff().delete(key)
    dispatch.handoff().delete(dispatch.PATIENT, dispatch.INTERACTIVE)


def enter(stack: ExitStack, client: str) -> None:
    """What a call of its own does: nothing is known of the others in this thread."""

    context, call = Context(), callers.waiting()
    context.run(dispatch.act_for, client)
    context.run(call.__enter__)
    stack.callback(context.run, call.__exit__, None, None, None)


def held(client: str) -> int:
    return int(dispatch.handoff().zcard(f"faceapp:callers:{client}"))  # type: ignore[arg-type]


def test_a_client_holds_so_many_places_and_no_more() -> None:
    with ExitStack() as calls:
        enter(calls, "7")
        enter(calls, "7")
        with pytest.raises(TooManyWaiting) as caught:
            enter(calls, "7")
        assert (caught.value.code, caught.value.retry_after) == ("rate.too_many_waiting", 1)
        enter(calls, "8")
        assert (held("7"), held("8")) == (2, 1)
    assert (held("7"), held("8")) == (0, 0)


def test_a_call_with_several_images_and_waits_holds_one_place() -> None:
    dispatch.act_for("7")
    seen = []
    with callers.waiting():
        inference.several(lambda _: seen.append(held("7")), range(6))
        with callers.waiting():
            seen.append(held("7"))
    assert seen == [1] * 7 and held("7") == 0


def test_work_for_nobody_and_a_limit_of_0_hold_no_place(settings: Settings) -> None:
    with callers.waiting():
        assert held("") == 0
    settings.CLIENT_WAITING = 0
    dispatch.act_for("7")
    with callers.waiting():
        assert held("7") == 0


def test_the_place_of_a_process_that_died_becomes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "LOST_SECONDS", 0)
    with ExitStack() as calls:
        for _ in range(3):
            enter(calls, "7")


def test_a_call_that_goes_on_waiting_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch.act_for("7")
    with callers.waiting():
        key = "faceapp:callers:7"
        [(call, until)] = dispatch.handoff().zrange(key, 0, -1, withscores=True)  # type: ignore[misc]
        dispatch.handoff().zadd(key, {call: until - 50})
        callers.still_waiting()  # too soon
        assert dispatch.handoff().zscore(key, call) == until - 50
        monkeypatch.setattr(callers, "HEARD_SECONDS", 0.0)
        callers.still_waiting()
        assert float(dispatch.handoff().zscore(key, call)) >= until  # type: ignore[arg-type]


def test_images_of_refused_calls_are_neither_sent_nor_charged() -> None:
    charged: list[int] = []
    with ExitStack() as calls:
        enter(calls, "7")
        enter(calls, "7")
        dispatch.act_for("7", charge=charged.append)
        for ask in (
            lambda: inference.analyse(picture(RED)),
            lambda: inference.find_raw_faces(picture(RED), options=RawFaceOptions(), timeout=1),
            lambda: inference.several(inference.analyse, [picture(RED)] * 2),
        ):
            with pytest.raises(TooManyWaiting):
                ask()
    assert charged == [] and not list(dispatch.handoff().scan_iter("faceapp:image:*"))


def test_images_are_charged_once_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    charged, answer = [], Analysis([], 1, 1, 0.0).to_json()
    monkeypatch.setattr(inference, "_ask_worker", lambda *args, **options: answer)
    dispatch.act_for("7", charge=charged.append)
    inference.analyse(picture(RED))
    inference.several(inference.analyse, [picture(RED)] * 3)
    assert charged == [1, 3] and held("7") == 0


def test_without_redis_the_call_is_told_about_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(callers, "_enter", lambda: away)
    dispatch.act_for("7")
    with callers.waiting():
        assert held("7") == 0


def test_calls_at_the_same_time_share_the_places() -> None:
    go = Event()

    def call(_: int) -> bool:
        dispatch.act_for("7")
        try:
            with callers.waiting():
                return go.wait(60)
        except TooManyWaiting:
            return False

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(call, number) for number in range(8)]
        refused = [answer.result() for answer in islice(as_completed(answers), 6)]
        assert (refused, held("7")) == ([False] * 6, 2)
        go.set()
    assert sum(answer.result() for answer in answers) == 2 and held("7") == 0
