"""Where the time of a screened photograph goes, by the processor time of each part.

The steps of a worker are measured in this process, where the images of a job are processed in batches as a worker
processes them, with the service's database and files; what the other programs add, during a job of the service.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from bench.bulk import IMAGES, SIDE, processor_times, timed_job
from bench.photographs import photograph
from bench.report import Line

OTHERS = {
    "web": "web server: read the request, store files and rows",
    "redis": "queue",
    "postgres": "database",
    "consumers": "workers: take messages from the queue",
}


@dataclass(frozen=True)
class Step:
    """Milliseconds of processor time that a part of the work takes for each image of a job."""

    name: str
    milliseconds: float

    def line(self) -> Line:
        return self.name, f"{self.milliseconds:.1f} ms", "", ""


class Clock:
    """Processor time by step. What a step calls of another step counts for the other one."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._others = [0.0]

    def timed(self, step: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*arguments: Any, **options: Any) -> Any:
            self._others.append(0.0)
            started = time.process_time()
            try:
                return call(*arguments, **options)
            finally:
                used = time.process_time() - started
                self.seconds[step] += used - self._others.pop()
                self._others[-1] += used

        return measured


def measure(stack: Any, service: Any, client_name: str) -> list[Step]:
    """The parts of the work on an image with one face that is searched on the client's blacklist."""
    from vision.engines import engines

    engines.load()
    timed_job(service, photograph("one face", SIDE))  # connections, plans and memory are warm then
    before = processor_times(stack)
    timed_job(service, photograph("one face", SIDE))
    programs = processor_times(stack) - before
    _process(_submitted(client_name))
    clock, ids = Clock(), _submitted(client_name)
    with _watched(clock):
        clock.timed("the rest of the worker's part", _process)(ids)
    seconds = [*clock.seconds.items(), *((name, programs[key]) for key, name in OTHERS.items())]
    return [Step(name, used * 1000 / IMAGES) for name, used in seconds]


def _submitted(client_name: str) -> list[int]:
    """The ids of the images of a new job, which no worker of the service is told of."""
    from clients.models import Client
    from recognition import services
    from vision.types import Upload
    from work.submissions import read_submission

    client, data = Client.objects.get(name=client_name), photograph("one face", SIDE)
    submissions = [read_submission(Upload(data)) for _ in range(IMAGES)]
    with patch.object(services, "enqueue"):
        job = services.submit_images(
            client=client, submissions=submissions, options=services.screening_options(client=client)
        )
    return list(job.images.order_by("pk").values_list("pk", flat=True))


def _process(ids: list[int]) -> None:
    from recognition import services
    from recognition.models import ProcessedImage

    batch = ProcessedImage.batch
    for start in range(0, len(ids), batch):
        services.process(image_ids=ids[start : start + batch], task_id=f"profile {start}")
    if ProcessedImage.objects.filter(pk__in=ids, status="done").count() != len(ids):
        raise RuntimeError("an image failed")


@contextmanager
def _watched(clock: Clock) -> Iterator[None]:
    """While it lasts, the clock sees every step."""
    from recognition import services
    from vision import description, images
    from vision.engines import DEFAULT, engines
    from work import images as files
    from work.querysets import ClaimedWorkQuerySet

    kind = type(engines[DEFAULT])
    steps: list[tuple[str, Any, str]] = [
        ("claim", ClaimedWorkQuerySet, "claim"),
        ("read the file", files, "read_file"),
        ("decode", images, "decode_at_least"),
        ("detect", kind, "detect"),
        ("align", kind, "chips"),
        ("align", kind, "face_chips"),
        ("align", kind, "liveness_crops"),
        ("describe", kind, "describe"),
        ("liveness", kind, "score_liveness"),
        ("quality", description, "assess"),
        ("search", services, "search_blacklist"),
        ("store", services, "_store"),
    ]
    with ExitStack() as patches:
        for step, owner, name in steps:
            patches.enter_context(patch.object(owner, name, clock.timed(step, getattr(owner, name))))
        yield
