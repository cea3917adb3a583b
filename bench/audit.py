"""What a row of the audit adds to a search: the same searches with and without it, in turn.

`python -m bench.audit` starts a service of its own and makes 10,000 searches each way (`--calls`); nothing else should
run on the machine meanwhile. `python -m bench audit` does so for half a minute.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from bench.__main__ import prepare
from bench.report import Line, processors

PEOPLE, PROBES = 1_000, 100
MOST_CALLS, SECONDS = 10_000, 30.0
WARMING = 20  # searches each way that do not count
Times = dict[str, list[float]]  # milliseconds of each search, by way


@dataclass(frozen=True)
class Audit:
    """Medians in milliseconds of `calls` searches for an embedding, each way."""

    people: int
    calls: int
    with_ms: float
    unsynced_ms: float  # the row included, without waiting for the disk
    without_ms: float

    def line(self) -> Line:
        what = f"search of {self.people:,} people with its row of the audit, {self.calls:,} calls"
        added, disk = self.with_ms - self.without_ms, self.with_ms - self.unsynced_ms
        result = f"{added:+.2f} ms, of which {disk:.2f} ms wait for the disk"
        return what, f"{self.with_ms:.2f} ms", f"without it {self.without_ms:.2f} ms", result


def measure() -> list[Audit]:
    """Until `MOST_CALLS` or `SECONDS`, whichever is first."""
    return [summary(times_of(MOST_CALLS, seconds=SECONDS))]


def summary(times: Times) -> Audit:
    medians = (statistics.median(of_way) for of_way in times.values())
    return Audit(PEOPLE, len(times["with"]), *medians)


def times_of(calls: int, *, seconds: float = float("inf")) -> Times:
    """So many searches each way, one after the other. Rows are committed to disk as in production."""
    from bench.search import analyse_tables, directions, fill_gallery, photographed  # once Django is set up
    from clients.models import Client
    from people.services import search_people
    from people.types import Probe
    from vision.engines import DEFAULT, engines

    random = np.random.default_rng(5)
    client, vectors = Client.objects.create(name="audited"), directions(random, PEOPLE)
    fill_gallery(client, engines[DEFAULT].space.name, vectors)
    analyse_tables()
    probes = [Probe(embeddings=(one,)) for one in photographed(random, vectors[:PROBES])]
    ways = {"with": nullcontext, "unsynced": _unsynced, "without": _without}
    taken: Times = {way: [] for way in ways}
    started = time.perf_counter()
    while len(taken["with"]) < calls + WARMING and time.perf_counter() - started < seconds:
        for way, context in ways.items():
            with context():
                begun = time.perf_counter()
                search_people(client=client, probe=probes[len(taken[way]) % PROBES])
                taken[way].append((time.perf_counter() - begun) * 1000)
    return {way: times[WARMING:] for way, times in taken.items()}


@contextmanager
def _without() -> Iterator[None]:
    """No row, and no look at the switch."""
    with mock.patch("people.search._record"), mock.patch("people.search.require_searching"):
        yield


@contextmanager
def _unsynced() -> Iterator[None]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        yield
        cursor.execute("SET synchronous_commit = on")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=MOST_CALLS, help=f"searches each way ({MOST_CALLS:,})")
    calls = parser.parse_args().calls
    if calls < 2:
        parser.error("--calls must be 2 or more")
    with tempfile.TemporaryDirectory(prefix="faceapp-bench-") as folder:
        Path(folder).chmod(0o711)
        environment = prepare(Path(folder) / "var")
        from faceapp.tests.live_stack import LiveStack, running_stack

        with running_stack(LiveStack(Path(folder) / "var", environment)):
            began = time.monotonic()
            times = times_of(calls)
            seconds = time.monotonic() - began
    print(f"{calls:,} searches each way among {PEOPLE:,} people, {seconds:.0f} s, {processors()} processors")
    for way, of_way in times.items():
        first, median, third = statistics.quantiles(of_way, n=4)
        print(f"{way:>8}: median {median:.2f} ms, quartiles {first:.2f} to {third:.2f} ms")
    print(*summary(times).line(), sep="; ")


if __name__ == "__main__":
    main()
