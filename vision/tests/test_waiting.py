"""How long and for what a caller waits, with a real queue that nobody reads."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from calls.caller import CallerGone
from calls.tests.leaving import leaving_after, leaving_when
from errors import Unavailable
from vision import dispatch, inference, tasks
from vision.exceptions import EngineUnavailable
from vision.raw_faces import RawFaceOptions
from vision.tests.drawing import RED, picture


@pytest.fixture(autouse=True)
def queue(unread_queue: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No worker, and somebody who looks often."""
    monkeypatch.setattr(inference, "LOST_SECONDS", 0.2)
    monkeypatch.setattr(inference, "RETRY_SECONDS", 0.1)
    forget()
    yield
    forget()


def forget() -> None:
    dispatch.handoff().delete(dispatch.PATIENT, dispatch.INTERACTIVE, *images_waiting(), *held_by_client())


def images_waiting() -> list[bytes]:
    return list(dispatch.handoff().scan_iter("faceapp:image:*"))


def held_by_client() -> list[bytes]:
    """Places, images and messages of the client 7."""
    return [key for kind in ("callers", "parcels", "waiting", "under-way") for key in keys_of(kind)]


def keys_of(kind: str) -> list[bytes]:
    return list(dispatch.handoff().scan_iter(f"faceapp:{kind}:*7"))


def test_of_a_caller_who_leaves_nothing_is_left_but_messages_without_image(settings: Settings) -> None:
    settings.CLIENT_WAITING, settings.CLIENT_AT_ONCE = 5, 2
    dispatch.act_for("7")
    with leaving_when(lambda: dispatch.handoff().llen(dispatch.INTERACTIVE) == 2), pytest.raises(CallerGone):
        inference.several(inference.analyse, [picture(RED)] * 6)
    assert images_waiting() == []
    assert held_by_client() == keys_of("under-way")
    assert dispatch.waiting(dispatch.INTERACTIVE) == 0
    assert dispatch.handoff().llen(dispatch.INTERACTIVE) == 2
    for message in dispatch.handoff().lrange(dispatch.INTERACTIVE, 0, -1):
        key, options = json.loads(b64decode(json.loads(message)["body"]))[0]
        assert tasks.analyse_image(key, options)["error"]["kind"] == "EngineUnavailable"


def test_a_message_that_waits_for_its_turn_goes_with_its_caller(settings: Settings) -> None:
    settings.CLIENT_AT_ONCE = 1
    dispatch.act_for("7")
    dispatch.handoff().zadd("faceapp:under-way:patient:7", {"another": time.time() + 60})
    with leaving_when(lambda: keys_of("waiting") != []), pytest.raises(CallerGone):
        inference.find_raw_faces(picture(RED), options=RawFaceOptions(), timeout=60)
    assert keys_of("waiting") == [] and dispatch.handoff().llen(dispatch.PATIENT) == 0
    assert images_waiting() == [] and dispatch.waiting(dispatch.PATIENT) == 0


def test_nothing_is_sent_for_a_caller_who_has_left() -> None:
    with leaving_after(0), pytest.raises(CallerGone):
        inference.analyse(picture(RED), timeout=60)
    assert dispatch.handoff().llen(dispatch.INTERACTIVE) == 0


def test_patient_caller_gives_up_at_its_own_deadline_and_leaves_nothing() -> None:
    with pytest.raises(EngineUnavailable) as caught:
        inference.find_raw_faces(picture(RED), options=RawFaceOptions(), timeout=0.5)
    assert caught.value.code == "engine.timeout"
    assert images_waiting() == []
    assert dispatch.handoff().llen(dispatch.PATIENT) == 1  # a message that has expired


def lose(queue: str) -> None:
    """Forget image and message, as a Redis does that restarts, once they are there."""
    while not dispatch.handoff().llen(queue):
        time.sleep(0.01)
    dispatch.handoff().delete(*images_waiting(), queue)


def test_image_that_the_queue_lost_is_sent_again() -> None:
    thread = threading.Thread(target=lose, args=[dispatch.PATIENT])
    thread.start()
    with pytest.raises(EngineUnavailable) as caught:
        inference.find_raw_faces(picture(RED), options=RawFaceOptions(), timeout=5)
    thread.join()
    assert caught.value.code == "engine.timeout"
    assert dispatch.handoff().llen(dispatch.PATIENT) == 1


def test_interactive_caller_is_told_at_once_that_the_image_is_lost() -> None:
    threading.Thread(target=lose, args=[dispatch.INTERACTIVE]).start()
    with pytest.raises(Unavailable) as caught:
        inference.analyse(picture(RED), timeout=60)
    assert caught.value.code == "queue.unavailable"


@pytest.mark.parametrize(("code", "calls"), [("engine.worker_lost", 2), ("engine.weights_missing", 1)])
def test_image_whose_worker_stopped_is_tried_once_more(monkeypatch: pytest.MonkeyPatch, code: str, calls: int) -> None:
    seen = []

    def refuse(*args: object, **options: object) -> None:
        seen.append(options["queue"])
        raise EngineUnavailable("stopped", code=code)

    monkeypatch.setattr(inference, "_ask_worker", refuse)
    with pytest.raises(EngineUnavailable):
        inference.find_raw_faces(picture(RED), options=RawFaceOptions(), timeout=5)
    assert seen == ["patient"] * calls


def test_patient_callers_come_after_interactive_ones_and_before_jobs() -> None:
    assert django_settings.WORKER_QUEUES.index("patient") == 1


def test_patient_callers_wait_for_room(settings: Settings) -> None:
    """What takes it is gone within two seconds; then a message is sent, which nobody answers."""
    settings.CLIENT_WAITING_MB = 1
    dispatch.act_for("1")
    dispatch.handoff().zadd("faceapp:parcels:1", {"1000000:other": time.time() + 1})
    with pytest.raises(EngineUnavailable) as caught:
        inference.find_raw_faces(picture(RED), options=RawFaceOptions(), timeout=4)
    assert caught.value.code == "engine.timeout"
    assert dispatch.handoff().llen(dispatch.PATIENT) == 1
