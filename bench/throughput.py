"""Images per second of one job, from sending it to its last result."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass

from bench.photographs import photograph
from demo.api import FaceApp

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


def measure(service: FaceApp, *, workers: int) -> Throughput:
    """Send one job and ask for its progress until it is done."""
    service.screen([photograph("one face", SIDE)])
    text = base64.b64encode(photograph("one face", SIDE)).decode()
    started = time.perf_counter()
    url = f"{service.url}/api/v1/process/process-images"
    answer = service.session.post(
        url, json={"images": [text] * IMAGES}, headers={"Prefer": "respond-async"}, timeout=90
    )
    answer.raise_for_status()
    job = answer.json()
    while job["done"] < job["total"]:
        time.sleep(0.1)
        job = service.job(job["id"])
    if job["failed"]:
        raise RuntimeError(f"{job['failed']} images of the job failed")
    return Throughput(workers, IMAGES, time.perf_counter() - started)
