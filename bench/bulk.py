"""A job of photographs with one face each: images a second, and what an image costs beside the engine.

The processor time of all processes of the service is read from /proc before and after the job. The engine's own is
measured in this process, on the same file, before and after it. The difference is what web server, queue, workers and
database add to the engine.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psutil

from bench.nextcloud import peak_of_workers
from bench.photographs import photograph
from bench.report import Line

SIDE, IMAGES, ROUNDS = 1280, 64, 6
PAUSE = 1.0  # seconds between two questions for a job's progress
WORKERS = ("worker", "express")
PROGRAMS = ("web", "redis", "postgres", "beat", *WORKERS)


@dataclass(frozen=True)
class Bulk:
    """A job with so many worker children; milliseconds of processor time for each image."""

    workers: int
    images: int
    seconds: float
    service_ms: float
    engine_ms: float
    worker_mb: float

    @property
    def per_second(self) -> float:
        return self.images / self.seconds

    @property
    def beside_ms(self) -> float:
        """What all processes together use beside the engine."""
        return self.service_ms - self.engine_ms

    def line(self) -> Line:
        ours = f"{self.per_second:.1f} images/s, {self.worker_mb:.0f} MB a worker child"
        alone = f"engine alone: {self.engine_ms:.0f} ms of processor time"
        result = f"{self.beside_ms:+.1f} ms of processor time an image"
        return f"job of photographs, {SIDE} px, one face, {self.workers} worker(s)", ours, alone, result


def measure(stack: Any, service: Any, *, workers: int) -> Bulk:
    """A job with this many worker children."""
    image = photograph("one face", SIDE)
    timed_job(service, image)  # connections, plans and memory are warm then
    engine = [engine_ms(image)]
    before = processor_times(stack)
    seconds = timed_job(service, image)
    used = processor_times(stack) - before
    engine.append(engine_ms(image))
    total = sum(used.values()) * 1000 / IMAGES
    return Bulk(workers, IMAGES, seconds, total, statistics.mean(engine), peak_of_workers(stack))


def timed_job(service: Any, image: bytes) -> float:
    """Seconds from sending a job of `IMAGES` copies to its last result, whose moment the database knows."""
    from django.db.models import Max

    from recognition.models import ProcessedImage

    started = datetime.now(UTC)
    job = service.screening.submit([image] * IMAGES)
    while job.done < job.total:
        time.sleep(PAUSE)
        job = service.screening.job(job.id)
    if job.failed:
        raise RuntimeError(f"{job.failed} images of the job failed")
    last = ProcessedImage.objects.filter(job=job.id).aggregate(last=Max("finished_at"))["last"]
    return float((last - started).total_seconds())


def processor_times(stack: Any) -> Counter[str]:
    """Seconds of processor time of each program with its children, those that have ended included.

    What workers use to take messages from the queue, in their main processes, counts for itself (`consumers`).
    """
    times: Counter[str] = Counter()
    for name in PROGRAMS:
        if name not in stack.running():
            continue
        program = stack.program(name)
        times["consumers" if name in WORKERS else name] += sum(program.cpu_times()[:2])
        times[name] += sum(program.cpu_times()[2:4])
        for process in program.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                times[name] += sum(process.cpu_times()[:2])
    return times


def engine_ms(image: bytes) -> float:
    """Processor time of the engine for each image, in batches as large as those of a worker."""
    from vision.engines import DEFAULT, engines
    from vision.inference import AnalysisOptions, run_engines_on
    from work.models import ClaimedImage

    engines.load()
    batch, options = [image] * ClaimedImage.batch, AnalysisOptions(aliases=[DEFAULT], liveness=True)
    run_engines_on(batch, options)
    times = [_used(lambda: run_engines_on(batch, options)) / len(batch) for _ in range(ROUNDS)]
    return statistics.median(times)


def _used(call: Callable[[], object]) -> float:
    """Milliseconds of processor time of a call."""
    started = time.process_time()
    call()
    return (time.process_time() - started) * 1000
