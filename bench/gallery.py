"""Searching people in PostgreSQL against an exact search in memory: a large client, and one of many small ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report import Line
from bench.search import Matrix, analyse_tables, directions, fill_gallery, photographed, timed, with_and_without_index
from clients.models import Client
from people import indexing
from people.models import FaceTemplate
from people.services import galleries_called, search_in
from vision.engines import DEFAULT, engines
from walls.current import showing
from work.alone import alone

MEDIUM, LARGE = 10_000, 100_000
SMALL, CLIENTS = 100, (1, 1_000)  # templates of a small client, and how many such clients there are
PROBES = 40
NEAREST = 10


@dataclass(frozen=True)
class Gallery:
    """Medians in milliseconds. `recall`: of the nearest people in memory, those that the search names."""

    clients: int  # how many there are, the searched one included
    templates: int  # of all clients
    searched: int  # of the one that is searched
    search_ms: float
    numpy_ms: float
    recall: float
    indexed: bool = False

    @property
    def ratio(self) -> float:
        return self.search_ms / self.numpy_ms

    def line(self) -> Line:
        how = ", indexed" if self.indexed else ""
        what = f"people, {self.searched:,} templates of one of {self.clients:,} client(s){how}"
        result = f"{self.ratio:.1f} times, recall {self.recall:.3f}"
        return what, f"{self.search_ms:.1f} ms", f"numpy {self.numpy_ms:.2f} ms", result


def measure() -> list[Gallery]:
    """One client of `SMALL` people among as many such clients as `CLIENTS` says; one of `MEDIUM`; one of `LARGE`."""
    random, space = np.random.default_rng(4), engines[DEFAULT].space
    rows: list[Gallery] = []
    with alone(indexing.LOCK):  # the running service makes no index meanwhile
        for count in CLIENTS:
            for number in range(count - 1):
                other = Client.objects.create(name=f"gallery-{count}-{number}")
                fill_gallery(other, space.name, directions(random, SMALL))
            rows += _measure(random, Client.objects.create(name=f"gallery-{count}"), SMALL)
        for size in (MEDIUM, LARGE):
            rows += _measure(random, Client.objects.create(name=f"gallery-of-{size}"), size)
    return rows


def _measure(random: np.random.Generator, client: Client, size: int) -> Iterator[Gallery]:
    vectors = directions(random, size)
    people = fill_gallery(client, engines[DEFAULT].space.name, vectors)
    analyse_tables()
    probes = photographed(random, vectors[random.choice(size, PROBES, replace=False)])
    galleries = galleries_called(client=client, sources=None)

    @showing(client.pk)
    def search(probe: Matrix) -> list[int]:
        searched = search_in(client=client, galleries=galleries)
        near = searched.neighbourhood().nearest(searched.rotated(probe), limit=NEAREST)
        return [one.person_id for one in near]

    def in_memory(probe: Matrix) -> NDArray[Any]:
        products = vectors @ probe
        nearest = np.argpartition(-products, NEAREST)[:NEAREST]
        return people[nearest[np.argsort(-products[nearest])]]

    numpy_ms, truth = timed(in_memory, probes)
    for index in with_and_without_index(client, size):
        search_ms, found = timed(search, probes)
        hits = sum(len(set(a) & set(b.tolist())) for a, b in zip(found, truth, strict=True))
        counts = Client.objects.count(), FaceTemplate.objects.count(), size
        yield Gallery(*counts, search_ms, numpy_ms, hits / (PROBES * NEAREST), indexed=index is not None)
