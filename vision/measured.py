"""Counts of the images that this worker analyses, and their times, for the metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from errors import FaceAppError, InvalidInput
from telemetry.counters import counters
from telemetry.families import IMAGE_SECONDS, IMAGES


def count_image(error: BaseException | None = None) -> None:
    """An image was analysed, or why not."""
    outcome = "ok" if error is None else "refused" if isinstance(error, InvalidInput) else "failed"
    counters.count(IMAGES, outcome)


def observe_stage(stage: str, *, milliseconds: float) -> None:
    counters.observe(IMAGE_SECONDS, stage, seconds=milliseconds / 1000)


@contextmanager
def counted(stage: str) -> Iterator[None]:
    """An image is analysed in one stage."""
    started = time.perf_counter()
    try:
        yield
    except FaceAppError as error:
        count_image(error)
        raise
    count_image()
    observe_stage(stage, milliseconds=(time.perf_counter() - started) * 1000)
