"""Images per second of one job, from sending it to its last result."""

from __future__ import annotations

import time
from dataclasses import dataclass

from faceapp_client import FaceApp

from bench.photographs import photograph
from bench.report import Line

IMAGES, SIDE = 60, 640


@dataclass(frozen=True)
class Throughput:
    """A job of `images` images with so many worker children."""

    workers: int
    images: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.images / self.seconds

    def line(self) -> Line:
        each = f"{self.per_second / self.workers:.1f} images/s for each worker"
        return f"job of {self.images} images, {self.workers} worker(s)", f"{self.per_second:.1f} images/s", "", each


def measure(service: FaceApp, *, workers: int) -> list[Throughput]:
    """The job of one small photograph, many times."""
    image = photograph("one face", SIDE)
    service.screening.screen([image])
    return [Throughput(workers, IMAGES, timed_job(service, [image] * IMAGES))]


def timed_job(service: FaceApp, images: list[bytes]) -> float:
    """Seconds from sending a job to its last result, asking for its progress ten times a second."""
    started = time.perf_counter()
    job = service.screening.submit(images)
    while job.done < job.total:
        time.sleep(0.1)
        job = service.screening.job(job.id)
    if job.failed:
        raise RuntimeError(f"{job.failed} images of the job failed")
    return time.perf_counter() - started
