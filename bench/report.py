"""One table of all measurements: printed, kept as JSON, and written into docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
COLUMNS = ("what", "ours", "compared with", "result")

Line = tuple[str, str, str, str]


@dataclass(frozen=True)
class Report:
    """The rows of every measurement, as their modules return them."""

    engine: Sequence[Any]
    dlib: Sequence[Any]
    overhead: Sequence[Any]
    throughput: Sequence[Any]
    screening: Sequence[Any]
    nextcloud: Sequence[Any]
    search: Sequence[Any]
    gallery: Sequence[Any]
    albums: Sequence[Any]
    seconds: float

    def lines(self) -> list[Line]:
        return [
            *self._engine(),
            *self._dlib(),
            *self._overhead(),
            *self._throughput(),
            *self._screening(),
            *self._nextcloud(),
            *self._search(),
            *self._gallery(),
            *self._albums(),
        ]

    def _engine(self) -> Iterable[Line]:
        for row in self.engine:
            what = f"engine, one face, {row.side} px"
            ours, plain = (
                f"{cost.ms:.0f} ms (CPU {cost.cpu_ms:.0f}), {cost.mb:.0f} MB" for cost in (row.ours, row.deepface)
            )
            yield what, ours, f"plain DeepFace {plain}", f"{row.ratio:.1f} times less CPU"

    def _dlib(self) -> Iterable[Line]:
        for row in self.dlib:
            ours, theirs = (
                f"{cost.ms:.1f} ms (CPU {cost.cpu_ms:.1f}), {cost.mb:.0f} MB" for cost in (row.ours, row.dlib)
            )
            result = f"{row.ratio:.1f} times less CPU, difference {row.difference:.0e}"
            yield f"{row.what}, 1 thread", ours, f"dlib {theirs}", result

    def _overhead(self) -> Iterable[Line]:
        for row in self.overhead:
            what = f"{row.call}, {row.image}, {row.side} px"
            ours = f"{row.request_ms:.0f} ms (p95 {row.request_p95_ms:.0f})"
            result = f"{row.overhead_ms:+.1f} ms, {row.ratio:.2f} times"
            yield what, ours, f"bare engine {row.engine_ms:.0f} ms", result

    def _throughput(self) -> Iterable[Line]:
        alone = self.throughput[0].per_second
        for row in self.throughput:
            what = f"job of {row.images} images, {row.workers} worker(s)"
            yield what, f"{row.per_second:.1f} images/s", f"1 worker {alone:.1f}", f"{row.per_second / alone:.2f} times"

    def _screening(self) -> Iterable[Line]:
        for row in self.screening:
            what = f"screening, 1280 px, {row.workers} worker(s)"
            ours = f"{row.service_per_second:.2f} images/s, {row.service_mb:.0f} MB"
            doubled = "images doubled" if row.upsample else "images as they are"
            theirs = f"dlib loop, {doubled}: {row.loop_per_second:.3f} images/s, {row.loop_mb:.0f} MB"
            yield what, ours, theirs, f"{row.ratio:.1f} times"

    def _nextcloud(self) -> Iterable[Line]:
        for row in self.nextcloud:
            what = f"Nextcloud model {row.model}, {row.workers} worker(s)"
            ours, loop = (f"{pace.per_second:.2f} images/s, {pace.mb:.0f} MB" for pace in (row.service, row.loop))
            yield what, ours, f"dlib loop, {row.workers} process(es): {loop}", f"{row.ratio:.2f} times"

    def _search(self) -> Iterable[Line]:
        for row in self.search:
            recall = f"recall {row.recall:.3f}"
            yield (
                f"search, {row.templates:,} templates",
                f"{row.search_ms:.1f} ms",
                f"numpy {row.numpy_ms:.1f} ms",
                recall,
            )

    def _albums(self) -> Iterable[Line]:
        for row in self.albums:
            what = f"album of {row.faces:,} faces, one more image"
            yield (
                what,
                f"stored in {row.store_ms:.1f} ms",
                f"matches in {row.matches_ms:.1f} ms",
                f"{row.right:.0%} right",
            )

    def _gallery(self) -> Iterable[Line]:
        for row in self.gallery:
            what = f"people, {row.searched:,} templates of one of {row.clients:,} client(s)"
            result = f"{row.ratio:.1f} times, recall {row.recall:.3f}"
            yield what, f"{row.search_ms:.1f} ms", f"numpy {row.numpy_ms:.2f} ms", result

    def publish(self) -> None:
        """Print the table and save it."""
        now = datetime.now(UTC)
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{now:%Y-%m-%d}.json"
        file.write_text(json.dumps(asdict(self) | conditions(now), indent=1) + "\n")
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(self.lines(), now, self.seconds))
        table = Table(*COLUMNS, title="Measured in one run")
        for line in self.lines():
            table.add_row(*line)
        Console().print(table)
        Console().print(f"Saved in {file.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}.")


def conditions(now: datetime) -> dict[str, Any]:
    processors = len(os.sched_getaffinity(0))
    return {"when": now.isoformat(timespec="seconds"), "processors": processors, "python": platform.python_version()}


def page(lines: Sequence[Line], now: datetime, seconds: float) -> str:
    """The text of docs/benchmarks.md."""
    rows = "\n".join("| " + " | ".join(line) + " |" for line in (COLUMNS, ("---",) * len(COLUMNS), *lines))
    return TEXT.format(rows=rows, date=f"{now:%Y-%m-%d}", processors=conditions(now)["processors"], seconds=seconds)


TEXT = """\
# Benchmarks

Written by `make bench`, which measures everything in one run on one machine. This run took
{seconds:.0f} seconds on {date}, with {processors} processors.

{rows}

- **engine**: our engine and `DeepFace.represent`, both with model Dlib and detector dlib, each in a fresh process.
  Median wall and processor time per image, and the peak memory of the process.
- **descriptor, mmod**: dlib's networks on ONNX Runtime and in the installed dlib, one thread each, in fresh processes.
  The least of several calls, and the largest difference between the resulting numbers.
- **detect-face, process-images**: what one caller waits for over HTTP, with queue, database and file storage, and the
  engine called in a separate process, alternating on the same JPEG file. The result is the median of the time that a
  request takes in addition to its own engine time (`Server-Timing`), and the ratio of the totals. `process-images`
  stores the image, searches 1,000 templates, and records faces and matches. A few calls warm up both sides.
- **job**: images of 640 pixels with one face in one asynchronous job, from the request to the last result.
- **screening**: a job of photographs of 1280 pixels with one face and with six, each stored, searched and recorded. It
  is compared with a loop in one process that finds the faces with dlib's CNN, aligns and describes them, and does
  nothing else: on the images as they are, as dlib's examples do, and on doubled images, on which it finds faces half as
  large, as the service does.
- **Nextcloud**: `/detect` over HTTP with three callers per worker, and a loop over dlib's own networks in as many
  processes as there are workers: load the file, find faces, place landmarks, compute descriptors. One face, 640 pixels.
  The memory is that of the largest process that analyses images.
- **search**: `search_blacklist` on synthetic vectors that are distributed like Dlib's, and a comparison of all vectors
  in memory. Recall counts the matches within the threshold.
- **album**: what a processed image with one face costs in addition to the engine: its neighbours among the album's
  stored faces, its group and the commit; and the answer to which images match it. Synthetic vectors, ten per person. A
  result is right if a known face joins its person's group, or a stranger's face a group of its own.
- **people**: the ten nearest people of one client, which is the database's part of `/people/search`, and the same with
  vectors in memory: `numpy.linalg.norm` of the differences, and the ten smallest. Recall counts those ten. With a
  hundred templates the time is that of the round trip to the database; the point is that other clients add nothing. (A
  single matrix product over 100,000 vectors takes numpy 1 ms: nothing beats memory if everything fits into it and
  nothing is shared.)
"""
