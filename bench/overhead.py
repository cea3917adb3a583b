"""What HTTP, queue and database add to the engine: the same images, called in turn in one run.

The overhead is a request's time without what its own `Server-Timing` says of the engine, so that
variations of the machine between two calls do not count. The bare engine, in a process of its own, is measured as well.
"""

from __future__ import annotations

import base64
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from faceapp_client import FaceApp

from bench.photographs import photograph
from bench.report import Line

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
    overhead_ms: float  # median of what is not the engine's in a request

    @property
    def ratio(self) -> float:
        return self.request_ms / self.engine_ms

    def line(self) -> Line:
        ours = f"{self.request_ms:.0f} ms (p95 {self.request_p95_ms:.0f})"
        result = f"{self.overhead_ms:+.1f} ms, {self.ratio:.2f} times"
        return f"{self.call}, {self.image}, {self.side} px", ours, f"bare engine {self.engine_ms:.0f} ms", result


def measure(service: FaceApp) -> list[Overhead]:
    """Requests of one caller, from the image's bytes to the parsed answer, against the engine in this process."""
    from vision import inference
    from vision.engines import DEFAULT, engines

    engines.load()
    rows = []
    for name, side in IMAGES:
        data = photograph(name, side)

        def engine(aliases: list[str], data: bytes = data) -> object:
            return inference.run_engines(data, inference.AnalysisOptions(aliases=aliases, liveness=True))

        calls: list[tuple[Callable[[], object], ...]] = [
            (lambda: engine([]), lambda data=data: _ask(service, "detect/detect-face", image=_text(data))),
            (
                lambda: engine([DEFAULT]),
                lambda data=data: _ask(service, "process/process-images", images=[_text(data)]),
            ),
        ]
        for call, (bare, request) in zip(("detect-face", "process-images"), calls, strict=True):
            rows.append(_compare(call, name, side, bare, request))
    return rows


def _compare(call: str, name: str, side: int, bare: Callable[[], object], request: Callable[[], object]) -> Overhead:
    for _ in range(WARM_UP):
        bare()
        request()
    rounds = [(_timed(bare), _timed(request)) for _ in range(ROUNDS)]
    engine_ms = [milliseconds for (milliseconds, _), _ in rounds]
    request_ms = [milliseconds for _, (milliseconds, _) in rounds]
    return Overhead(
        call=call,
        image=name,
        side=side,
        engine_ms=statistics.median(engine_ms),
        request_ms=statistics.median(request_ms),
        request_p95_ms=statistics.quantiles(request_ms, n=20)[-1],
        overhead_ms=statistics.median(total - float(str(engine)) for _, (total, engine) in rounds),
    )


def _ask(service: FaceApp, path: str, **body: object) -> float:
    """The engine's milliseconds of one call, from sending the image to the parsed answer."""
    response = service.request("POST", f"/api/v1/{path}/", json=body)
    response.json()
    return float(response.headers["Server-Timing"].partition("dur=")[2])


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _timed(call: Callable[[], object]) -> tuple[float, object]:
    """Milliseconds of a call, and its answer."""
    started = time.perf_counter()
    answer = call()
    return (time.perf_counter() - started) * 1000, answer
