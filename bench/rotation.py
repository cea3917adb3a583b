"""What the rotation of embeddings adds to a search: the same faces stored rotated and not, searched in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from bench.report import Line
from bench.search import analyse_tables, directions, fill_gallery, photographed
from clients.models import Client
from people.services import galleries_called, search_in
from people.types import Neighbour
from vectors.stored import to_store
from vision.engines import DEFAULT, engines

SIZES = (100, 100_000)
PROBES, NEAREST = 100, 10
ROTATIONS = 1_000
CLOSE = 1e-3  # of two distances, within which people may change places


@dataclass(frozen=True)
class Rotation:
    """Medians in milliseconds of the nearest people of `PROBES` probes, each way, and of one rotation."""

    templates: int
    rotated_ms: float
    plain_ms: float
    rotation_ms: float
    same_people: int  # probes with the same people in the same order, but for those at nearly the same distance
    difference: float  # the largest of a distance

    def line(self) -> Line:
        what = f"search of {self.templates:,} templates, rotated; {PROBES} probes"
        same = f"{self.same_people} of {PROBES} with the same people, distances within {self.difference:.1e}"
        alone = f"one rotation {self.rotation_ms:.3f} ms"
        return what, f"{self.rotated_ms:.2f} ms", f"not rotated {self.plain_ms:.2f} ms", f"{same}; {alone}"


def measure() -> list[Rotation]:
    """Exact searches, each size in two clients of its own, which stay."""
    return [_measure(size) for size in SIZES]


def _measure(size: int) -> Rotation:
    random, space = np.random.default_rng(size), engines[DEFAULT].space
    vectors = directions(random, size)
    probes = photographed(random, vectors[random.choice(size, PROBES, replace=size < PROBES)])
    clients, people, times = {}, {}, {way: list[float]() for way in WAYS}
    found = {way: list[list[Neighbour]]() for way in WAYS}
    for way, context in WAYS.items():
        clients[way] = Client.objects.create(name=f"{way}-{size}")
        with context():
            people[way] = fill_gallery(clients[way], space.name, vectors)
    analyse_tables()
    for number, probe in enumerate(np.concatenate([probes[:1], probes])):  # the first one warms up
        for way in sorted(WAYS, reverse=bool(number % 2)):  # each way is the first one as often as the other
            client = clients[way]
            with WAYS[way]():
                searched = search_in(client=client, galleries=galleries_called(client=client, sources=None))
                started = time.perf_counter()
                near = searched.templates.nearest(searched.rotated(probe), metric=space.metric, limit=NEAREST)
                times[way].append((time.perf_counter() - started) * 1000)
                found[way].append(near)
    alike = [_alike(*pair, people) for pair in zip(found["rotated"][1:], found["plain"][1:], strict=True)]
    medians = (statistics.median(times[way][1:]) for way in WAYS)
    same, differences = zip(*alike, strict=True)
    return Rotation(size, *medians, _one_rotation(clients["rotated"], probes[0]), sum(same), max(differences))


def _alike(rotated: list[Neighbour], plain: list[Neighbour], people: dict[str, NDArray[Any]]) -> tuple[bool, float]:
    """Whether both name the same people in the same order, and how far a distance is from the other's."""
    places = {way: {person: place for place, person in enumerate(ids.tolist())} for way, ids in people.items()}
    difference = max(abs(a.distance - b.distance) for a, b in zip(rotated, plain, strict=True))
    at = {places["plain"][one.person_id]: one.distance for one in plain}
    same = all(
        places["rotated"][a.person_id] == places["plain"][b.person_id]
        or abs(at.get(places["rotated"][a.person_id], plain[-1].distance) - b.distance) < CLOSE
        for a, b in zip(rotated, plain, strict=True)
    )
    return same, difference


def _one_rotation(client: Client, probe: NDArray[Any]) -> float:
    """Median milliseconds, with the client's secret and its rotation in memory."""
    times = []
    for _ in range(ROTATIONS):
        started = time.perf_counter()
        to_store(probe, client_id=client.pk, space=engines[DEFAULT].space.name)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


@contextmanager
def _unrotated() -> Iterator[None]:
    """Embeddings are stored and searched as they are."""
    with mock.patch("vectors.stored.rotation_of", return_value=mock.Mock(apply=np.asarray, undo=np.asarray)):
        yield


WAYS: dict[str, Callable[[], AbstractContextManager[None]]] = {"rotated": nullcontext, "plain": _unrotated}
