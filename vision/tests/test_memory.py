"""The ceiling of worker children: an image beyond it is refused, a child that does not survive it is replaced."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from environment import BASE_DIR
from vision import inference, memory
from vision.exceptions import InvalidImage
from vision.inference import AnalysisOptions, run_engines
from vision.tests.pictures import JPEG, png

WORKER = """
import os, sys
from pathlib import Path
import django
django.setup()
from celery import Celery
from celery.signals import worker_process_init
from django.conf import settings
from errors import FaceAppError
from vision.apps import load_engines
from vision.inference import AnalysisOptions, run_engines

settings.WORKER_MEMORY_MB = 100
worker_process_init.connect(load_engines)
app = Celery("costly", broker="memory://", backend="cache+memory://")

@app.task(name="analyse")
def analyse(file):
    try:
        answer = run_engines(Path(file).read_bytes(), AnalysisOptions()).width
    except FaceAppError as error:
        answer = error.code
    with open(sys.argv[3], "a") as answers:
        print(answer, file=answers)


@app.task(name="die")
def die():
    os.abort()  # as libraries do that do not bear a failed allocation

costly, small = sys.argv[1:3]
analyse.delay(costly), analyse.delay(small), die.delay(), analyse.delay(costly), analyse.delay(small)
app.worker_main(["worker", "--concurrency=1", "--without-gossip", "--without-mingle"])
"""


def test_children_refuse_what_is_too_costly_and_are_replaced_when_they_die(tmp_path: Path) -> None:
    costly, small = tmp_path / "costly.png", tmp_path / "small.jpg"
    costly.write_bytes(png(4900, 4900, colour=2))  # 170 MB
    small.write_bytes(JPEG)
    answers = tmp_path / "answers"
    answers.touch()
    command = [sys.executable, "-c", WORKER, str(costly), str(small), str(answers)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "faceapp.settings_testing"}
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=BASE_DIR, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as worker,
    ):
        given_up = time.monotonic() + 60
        while len(answers.read_text().splitlines()) < 4 and time.monotonic() < given_up:
            time.sleep(0.1)
        os.killpg(worker.pid, signal.SIGKILL)
    assert answers.read_text().splitlines() == ["image.too_costly", "64", "image.too_costly", "64"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("std::bad_alloc"), OSError("out of memory")])
def test_an_engine_without_memory_refuses_the_image(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(inference, "cut_faces", fail)
    with pytest.raises(InvalidImage) as refused:
        run_engines(JPEG, AnalysisOptions())
    assert refused.value.code == "image.too_costly"


def test_without_a_number_there_is_no_ceiling(settings: Settings) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    settings.WORKER_MEMORY_MB = 0
    memory.set_ceiling()
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
