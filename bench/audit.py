"""What a row of the audit adds to a search: the same searches with and without it, in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from unittest import mock

import numpy as np
from django.db import connection

from bench.report import Line
from bench.search import analyse_tables, directions, fill_gallery, photographed
from clients.models import Client
from people.services import search_people
from people.types import Probe
from vision.engines import DEFAULT, engines

PEOPLE, PROBES = 1_000, 100
MOST_CALLS, SECONDS = 10_000, 30.0


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
    """Until `MOST_CALLS` or `SECONDS`, whichever is first. Rows are committed to disk as in production."""
    random = np.random.default_rng(5)
    client, vectors = Client.objects.create(name="audited"), directions(random, PEOPLE)
    fill_gallery(client, engines[DEFAULT].space.name, vectors)
    analyse_tables()
    probes = [Probe(embeddings=(one,)) for one in photographed(random, vectors[:PROBES])]
    ways = {"with": nullcontext, "unsynced": _unsynced, "without": _without}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    started = time.perf_counter()
    while len(taken["with"]) < MOST_CALLS and time.perf_counter() - started < SECONDS:
        for way, context in ways.items():
            with context():
                begun = time.perf_counter()
                search_people(client=client, probe=probes[len(taken[way]) % PROBES])
                taken[way].append((time.perf_counter() - begun) * 1000)
    medians = (statistics.median(times) for times in taken.values())
    return [Audit(PEOPLE, len(taken["with"]), *medians)]


@contextmanager
def _without() -> Iterator[None]:
    """No row, and no look at the switch."""
    with mock.patch("people.search._record"), mock.patch("people.search.require_searching"):
        yield


@contextmanager
def _unsynced() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        yield
        cursor.execute("SET synchronous_commit = on")
