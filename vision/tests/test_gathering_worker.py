"""Which workers gather, how they begin, and what happens to a task that exceeds its time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery.signals import task_postrun, task_prerun
from celery.worker import state
from django.core.cache import cache
from pytest_django.fixtures import Settings

from environment import BASE_DIR
from faceapp.embedded import stack
from faceapp.embedded.supervision import Program, Supervisor
from vision import gathering_worker, inference
from vision.engines import EngineHandler, overview, runtime
from vision.gathering import Gatherer
from vision.gathering_worker import GatheringWorker
from vision.inference import AnalysisOptions
from vision.tests.drawing import BLUE, RED, picture


@pytest.fixture
def gatherer() -> Iterator[Gatherer]:
    made = Gatherer(images=4, seconds=0)
    yield made
    made.close()


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineHandler]:
    """Engines of this test; signals and gatherer are as before at its end."""
    made = EngineHandler()
    monkeypatch.setattr("vision.engines.engines", made)
    monkeypatch.setattr(inference, "engines", made)
    signals = (task_prerun, task_postrun)
    before = [list(signal.receivers or []) for signal in signals]
    runtime.device.cache_clear()
    yield made
    for signal, receivers in zip(signals, before, strict=True):
        signal.receivers = receivers
    runtime.gather(None)
    runtime.device.cache_clear()


def worker(pool: str, *queues: str) -> Any:
    amqp = SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues)))
    return SimpleNamespace(pool_cls=pool, app=SimpleNamespace(amqp=amqp))


def task(queue: str | None, time_limit: float | None = None) -> Any:
    request = SimpleNamespace(delivery_info={"routing_key": queue} if queue else None)
    return SimpleNamespace(request=request, time_limit=time_limit)


@pytest.mark.parametrize(
    ("pool", "queues", "gathers"),
    [
        ("threads", ["interactive", "patient", "bulk"], True),
        ("threads", ["bulk"], True),
        ("threads", ["training"], False),
        ("prefork", ["interactive", "bulk"], False),
        ("solo", ["interactive"], False),
    ],
)
def test_workers_of_threads_that_take_images_gather(pool: str, queues: list[str], gathers: bool) -> None:
    assert gathering_worker.is_gathering(worker(pool, *queues)) == gathers


@pytest.mark.usefixtures("redis_flush")
def test_it_loads_the_engines_and_says_where_they_run(handler: EngineHandler, settings: Settings) -> None:
    settings.DEVICE, settings.CELERY_TASK_ALWAYS_EAGER = "cpu", False
    gathering_worker.begin(sender=worker("prefork", "interactive"))
    assert not handler.are_here
    gathering_worker.begin(sender=worker("threads", "interactive"))
    assert handler.are_here and cache.get(overview.DEVICE_KEY) == "cpu" == overview.reported_device()
    assert len(inference.analyse(picture(RED, BLUE), AnalysisOptions()).faces) == 2


def test_it_ends_with_a_message_where_the_device_does_not_work(handler: EngineHandler, settings: Settings) -> None:
    settings.DEVICE = "cuda:7"
    with pytest.raises(SystemExit, match="FACEAPP_DEVICE=cuda:7: the installed ONNX Runtime offers"):
        gathering_worker.begin(sender=worker("threads", "bulk"))


def test_calls_rank_as_their_queues_are_read(gatherer: Gatherer, settings: Settings) -> None:
    ranks = []
    for queue in ("interactive", "patient", "bulk", "elsewhere", None):
        GatheringWorker(gatherer).begin_task(task_id="1", task=task(queue))
        ranks.append(gatherer._of_thread.rank)
    assert ranks == [0, 1, 2, 3, 3]


def test_a_task_is_overdue_after_its_own_limit_or_the_general_one(gatherer: Gatherer, settings: Settings) -> None:
    settings.CELERY_TASK_TIME_LIMIT = 30
    watched = GatheringWorker(gatherer)
    watched.begin_task(task_id="1", task=task("bulk"))
    assert not watched.is_overdue()
    watched.begin_task(task_id="2", task=task("bulk", time_limit=0.01))
    time.sleep(0.02)
    assert watched.is_overdue()
    watched.end_task(task_id="2")
    assert not watched.is_overdue()


def test_a_worker_with_an_overdue_task_takes_no_more_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(state, "should_stop", None)
    monkeypatch.setattr(gathering_worker, "LAST_SECONDS", 0.0)
    monkeypatch.setattr(os, "_exit", ended.append)
    gathering_worker.end_worker()
    assert ended == [1] and state.should_stop == 1


HANGING_WORKER = """
import threading, time
import django
django.setup()
from celery import Celery
from django.conf import settings
from vision import gathering_worker
from vision.gathering import Gatherer

settings.CELERY_TASK_TIME_LIMIT, gathering_worker.LAST_SECONDS, gathering_worker.LOOK_SECONDS = 1, 2.0, 0.1
app = Celery("hanging", broker="memory://", backend="cache+memory://")
watched = gathering_worker.GatheringWorker(Gatherer(images=1, seconds=0))
gathering_worker.task_prerun.connect(watched.begin_task, weak=False)
gathering_worker.task_postrun.connect(watched.end_task, weak=False)
threading.Thread(target=watched.watch, daemon=True).start()

@app.task(name="hang")
def hang():
    print("has begun", flush=True)
    time.sleep(120)

@app.task(name="quick")
def quick():
    time.sleep(0.5)
    print("has finished", flush=True)

hang.delay(), quick.delay()
app.worker_main(["worker", "--pool=threads", "--concurrency=2", "--without-gossip", "--without-mingle"])
"""


def test_a_thread_that_hangs_ends_the_process_after_the_others_have_finished() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "faceapp.settings_testing"}
    command = [sys.executable, "-c", HANGING_WORKER]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "has begun" in done.stderr and "has finished" in done.stderr  # where Celery sends what is printed
    assert "A task exceeded its time limit" in done.stderr


# ---- what `manage.py up` starts ---------------------------------------------------------------------------------
def workers(*devices: str) -> list[Program]:
    return [program for program in stack.programs(None, devices=devices) if program.name.startswith("worker")]


def test_the_processor_gets_a_child_for_each_processor(settings: Settings) -> None:
    settings.WORKER_CHILDREN = 3
    [program] = workers("cpu")
    assert "--concurrency=3" in program.command and "--pool=threads" not in program.command
    assert "express" in [program.name for program in stack.programs(None, devices=["cpu"])]
    assert "express" not in [program.name for program in stack.programs(None, devices=["cuda:0"])]


def test_a_card_gets_one_process_of_threads(settings: Settings) -> None:
    [program] = workers("cuda:0")
    assert {"--pool=threads", "--concurrency=32"} <= set(program.command)
    assert program.environment["FACEAPP_DEVICE"] == "cuda:0"  # the one that was tried, whatever `auto` would find now


def test_batches_can_be_had_without_a_card(settings: Settings) -> None:
    settings.BATCH_IMAGES = 4
    [program] = workers("cpu")
    assert {"--pool=threads", "--concurrency=8"} <= set(program.command)
    settings.WORKER_CONCURRENCY = 5
    assert "--concurrency=5" in workers("cpu")[0].command


def test_each_of_several_cards_has_a_process_that_knows_its_card(settings: Settings, tmp_path: Any) -> None:
    first, second = workers("cuda:0", "cuda:1")
    assert (first.name, second.name) == ("worker", "worker-2")
    assert (first.environment["FACEAPP_DEVICE"], second.environment["FACEAPP_DEVICE"]) == ("cuda:0", "cuda:1")
    assert Supervisor([first, second], tmp_path, tmp_path, tmp_path)._configuration().sections()
