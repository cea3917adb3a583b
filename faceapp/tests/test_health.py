"""What /readyz says when a part hangs instead of refusing, and how often it asks."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from faceapp.health import Probe, Report
from vision import dispatch
from vision.tasks import ping


@pytest.fixture
def hanging_redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that takes connections and never answers, as a stopped process does."""
    monkeypatch.setattr(dispatch, "QUEUE_SECONDS", 0.2)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "redis.sock"
        listener.bind(str(path))
        listener.listen()
        settings.REDIS_URL = f"unix://{path}"
        dispatch.handoff.cache_clear()
        yield
    dispatch.handoff.cache_clear()


@pytest.mark.django_db
@pytest.mark.usefixtures("hanging_redis")
def test_queue_that_hangs_is_named_and_holds_nobody_up(client: Browser) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    checks = response.json()["checks"]
    assert checks["database"] == "ok"
    assert checks["queue"] == "The queue does not answer."
    assert checks["worker"] == "Cannot be asked without the queue."


@pytest.mark.django_db
def test_many_calls_send_one_task_a_second(
    client: Browser, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, send = [], ping.apply_async
    monkeypatch.setattr(ping, "apply_async", lambda **options: sent.append(1) or send(**options))
    settings.READY_SECONDS = 60.0
    answers = [client.get("/readyz") for _ in range(20)]
    assert len({answer.content for answer in answers}) == 1
    assert len(sent) <= 1  # 0 after another test
    settings.READY_SECONDS = 0.0
    before = len(sent)
    for _ in range(2):
        assert client.get("/readyz").json()["status"] == "ready"
    assert len(sent) == before + 2


class SlowProbe:
    """Makes numbered reports; from the second one on it waits until it is let go."""

    def __init__(self) -> None:
        self.made, self.running, self.may_end = 0, threading.Event(), threading.Event()
        self.at_once = self.most_at_once = 0

    def __call__(self) -> Report:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.made:
            self.running.set()
            assert self.may_end.wait(60)
        self.made += 1
        self.at_once -= 1
        return {"number": str(self.made)}


def test_callers_during_a_probe_get_the_report_before_it_at_once(settings: Settings) -> None:
    slow = SlowProbe()
    probe = Probe(slow)
    settings.READY_SECONDS = 0.0
    assert probe.report() == {"number": "1"}
    first = threading.Thread(target=probe.report)
    first.start()
    assert slow.running.wait(60)
    assert [probe.report() for _ in range(50)] == [{"number": "1"}] * 50
    slow.may_end.set()
    first.join()
    assert (slow.made, slow.most_at_once) == (2, 1)


def test_callers_during_the_first_probe_wait_for_its_report(settings: Settings) -> None:
    slow = SlowProbe()
    slow.made = 1  # so that it waits
    probe = Probe(slow)
    settings.READY_SECONDS = 60.0
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda: reports.append(probe.report())) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert slow.running.wait(60)
    slow.may_end.set()
    for thread in threads:
        thread.join()
    assert reports == [{"number": "2"}] * 8
    assert (slow.made, slow.most_at_once) == (2, 1)
