"""Searching people in PostgreSQL against an exact search in memory: a large client, and one of many small ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report import Line
from bench.search import BETWEEN_PEOPLE, BETWEEN_PHOTOGRAPHS, Matrix, analyse_tables, fill_gallery, timed
from clients.models import Client
from people.models import FaceTemplate
from people.services import galleries_called, search_in
from vision.engines import DEFAULT, engines

LARGE = 100_000
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

    @property
    def ratio(self) -> float:
        return self.search_ms / self.numpy_ms

    def line(self) -> Line:
        what = f"people, {self.searched:,} templates of one of {self.clients:,} client(s)"
        result = f"{self.ratio:.1f} times, recall {self.recall:.3f}"
        return what, f"{self.search_ms:.1f} ms", f"numpy {self.numpy_ms:.2f} ms", result


def measure() -> list[Gallery]:
    """One client of `SMALL` people among as many such clients as `CLIENTS` says, then one of `LARGE`."""
    random, space = np.random.default_rng(4), engines[DEFAULT].space
    rows = []
    for count in CLIENTS:
        for number in range(count - 1):
            other = Client.objects.create(name=f"gallery-{count}-{number}")
            fill_gallery(other, space.name, _vectors(random, SMALL, space.dimensions))
        rows.append(_measure(random, Client.objects.create(name=f"gallery-{count}"), SMALL))
    return [*rows, _measure(random, Client.objects.create(name="gallery-large"), LARGE)]


def _vectors(random: np.random.Generator, size: int, dimensions: int) -> Matrix:
    return random.normal(0, BETWEEN_PEOPLE, (size, dimensions)).astype(np.float32)


def _measure(random: np.random.Generator, client: Client, size: int) -> Gallery:
    space = engines[DEFAULT].space
    vectors = _vectors(random, size, space.dimensions)
    people = fill_gallery(client, space.name, vectors)
    analyse_tables()
    probes = vectors[random.choice(size, PROBES, replace=False)]
    probes += random.normal(0, BETWEEN_PHOTOGRAPHS, probes.shape).astype(np.float32)
    gallery = search_in(client=client, galleries=galleries_called(client=client, sources=None)).templates

    def search(probe: Matrix) -> list[int]:
        return [near.person_id for near in gallery.nearest(probe, metric=space.metric, limit=NEAREST)]

    def exact(probe: Matrix) -> NDArray[Any]:
        distances = np.linalg.norm(vectors - probe, axis=1)
        nearest = np.argpartition(distances, NEAREST)[:NEAREST]
        return people[nearest[np.argsort(distances[nearest])]]

    search_ms, found = timed(search, probes)
    numpy_ms, truth = timed(exact, probes)
    hits = sum(len(set(a) & set(b.tolist())) for a, b in zip(found, truth, strict=True))
    return Gallery(
        Client.objects.count(), FaceTemplate.objects.count(), size, search_ms, numpy_ms, hits / (PROBES * NEAREST)
    )
