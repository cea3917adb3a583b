"""What HTTP, queue and database add to the bare engine: the same images, called in turn in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.photographs import photograph
from demo.api import FaceApp

ROUNDS, WARM_UP = 15, 4
IMAGES = [("one face", 640), ("one face", 1280), ("six faces", 1280)]


@dataclass(frozen=True)
class Overhead:
    """Medians in milliseconds over `ROUNDS` calls."""

    call: str
    image: str
    side: int
    engine_ms: float
    request_ms: float
    request_p95_ms: float
    overhead_ms: float  # median of the differences within a round

    @property
    def ratio(self) -> float:
        return self.request_ms / self.engine_ms


def measure(service: FaceApp) -> list[Overhead]:
    """Requests of one caller, from the image's bytes to the parsed answer, against the engine in this process."""
    from vision import inference
    from vision.engines import DEFAULT, engines

    engines.load()
    rows = []
    for name, side in IMAGES:
        data = photograph(name, side)

        def engine(aliases: list[str], data: bytes = data) -> object:
            return inference.run_engines(data, detector=None, aliases=aliases, liveness=True)

        calls: list[tuple[Callable[[], object], ...]] = [
            (lambda: engine([]), lambda data=data: service.detect(data)),
            (lambda: engine([DEFAULT]), lambda data=data: service.screen([data])),
        ]
        for call, (bare, request) in zip(("detect-face", "process-images"), calls, strict=True):
            rows.append(_compare(call, name, side, bare, request))
    return rows


def _compare(call: str, name: str, side: int, bare: Callable[[], object], request: Callable[[], object]) -> Overhead:
    for _ in range(WARM_UP):
        bare()
        request()
    pairs = [(_milliseconds(bare), _milliseconds(request)) for _ in range(ROUNDS)]
    engine_ms, request_ms = zip(*pairs, strict=True)
    return Overhead(
        call=call,
        image=name,
        side=side,
        engine_ms=statistics.median(engine_ms),
        request_ms=statistics.median(request_ms),
        request_p95_ms=statistics.quantiles(request_ms, n=20)[-1],
        overhead_ms=statistics.median(b - a for a, b in pairs),
    )


def _milliseconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000
