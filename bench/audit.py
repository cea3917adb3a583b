"""What a row of the audit adds to a search: the same searches with and without it, in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np

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
    without_ms: float

    def line(self) -> Line:
        what = f"search of {self.people:,} people with its row of the audit, {self.calls:,} calls"
        result = f"{self.with_ms - self.without_ms:+.2f} ms"
        return what, f"{self.with_ms:.2f} ms", f"without it {self.without_ms:.2f} ms", result


def measure() -> list[Audit]:
    """Until `MOST_CALLS` or `SECONDS`, whichever is first. Rows are committed to disk as in production."""
    random = np.random.default_rng(5)
    client, vectors = Client.objects.create(name="audited"), directions(random, PEOPLE)
    fill_gallery(client, engines[DEFAULT].space.name, vectors)
    analyse_tables()
    probes = [Probe(embeddings=(one,)) for one in photographed(random, vectors[:PROBES])]
    taken: dict[bool, list[float]] = {True: [], False: []}
    started = time.perf_counter()
    while len(taken[True]) < MOST_CALLS and time.perf_counter() - started < SECONDS:
        for recorded, times in taken.items():
            with _audit(recorded):
                begun = time.perf_counter()
                search_people(client=client, probe=probes[len(times) % PROBES])
                times.append((time.perf_counter() - begun) * 1000)
    return [Audit(PEOPLE, len(taken[True]), statistics.median(taken[True]), statistics.median(taken[False]))]


@contextmanager
def _audit(recorded: bool) -> Iterator[None]:
    """The search as it is, or without the row and without the look at the switch."""
    if recorded:
        yield
        return
    with mock.patch("people.search._record"), mock.patch("people.search.require_searching"):
        yield
