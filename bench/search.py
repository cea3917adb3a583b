"""Searching a blacklist in PostgreSQL, exactly and by a search index, against a matrix product in memory.

The vectors are synthetic and spread like those of pair128 over the people of LFW: cosine distances of 0.99 between two
people, with a standard deviation of 0.115, and of 0.30 between two photographs of one person.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from bench.report import Line
from blacklist.services import search_blacklist
from clients.models import Client
from faceapp.tests.database_roles import acting_as_owner
from people import indexing
from people.models import Gallery, GalleryKind, SearchIndex
from vault.keys import secret_of
from vectors import stored
from vectors.stored import PURPOSE, Rotated
from vision.engines import DEFAULT, engines
from walls.current import showing
from work.alone import alone

SIZES = (1_000, 10_000, 100_000)
MILLION = 1_000_000
ROTATED_AT_ONCE = 1_000
PROBES = 40  # half of them show listed people
BETWEEN_PHOTOGRAPHS = 0.30  # cosine distance
DECAY = 70.0  # numbers, in order of their spread, until that has fallen to 1/e

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Index:
    """A search index, and its recall as the service measured it."""

    seconds: float  # to build it
    mebibytes: float
    ef_search: int
    recall: float  # of matches
    recall_first: float
    recall_nearest: float

    def __str__(self) -> str:
        recalls = f"matches {self.recall:.3f}, first {self.recall_first:.3f}, ten nearest {self.recall_nearest:.3f}"
        size = f"built in {self.seconds:.0f} s, {self.mebibytes:.0f} MiB"
        return f"{size}, ef_search {self.ef_search}; as measured by the service: {recalls}"


@dataclass(frozen=True)
class Search:
    """Medians in milliseconds. `recall`: found matches of those that an exact search in 32 bits finds."""

    templates: int
    search_ms: float
    numpy_ms: float
    recall: float
    index: Index | None = None  # by which the list was searched

    def line(self) -> Line:
        compared, result = f"numpy {self.numpy_ms:.1f} ms", f"recall {self.recall:.3f}"
        what = f"search, {self.templates:,} templates"
        if self.index:
            what, result = f"{what}, indexed", f"{result}; {self.index}"
        return what, f"{self.search_ms:.1f} ms", compared, result


def measure(sizes: Sequence[int] = SIZES) -> list[Search]:
    """Each size in a client of its own, which stays; exactly, and by an index if the list is large enough for one."""
    with alone(indexing.LOCK):  # the running service makes no index meanwhile
        return [row for size in sizes for row in _measure(size)]


def client_name(size: int) -> str:
    return f"bench-{size}"


def _measure(size: int) -> Iterator[Search]:
    random = np.random.default_rng(size)
    space = engines[DEFAULT].space
    vectors = directions(random, size)
    client = Client.objects.create(name=client_name(size))
    people = fill_list(client, space.name, vectors)
    analyse_tables()
    listed = photographed(random, vectors[random.choice(size, PROBES // 2, replace=False)])
    probes = np.concatenate([listed, directions(random, PROBES // 2)])
    threshold = space.thresholds[space.metric]

    @showing(client.pk)
    def search(probe: Matrix) -> list[int]:
        [found] = search_blacklist(
            client=client, space=space.name, embeddings=[probe], metric=space.metric, threshold=threshold
        )
        return [hit.entry_id for hit in found]

    def in_memory(probe: Matrix) -> NDArray[Any]:
        return people[1 - vectors @ probe <= threshold]

    numpy_ms, truth = timed(in_memory, probes)
    for index in with_and_without_index(client, size):
        search_ms, found = timed(search, probes)
        hits = sum(len(set(a) & set(b.tolist())) for a, b in zip(found, truth, strict=True))
        yield Search(size, search_ms, numpy_ms, hits / sum(len(b) for b in truth), index)


def directions(random: np.random.Generator, count: int) -> Matrix:
    """(count, dimensions): faces of strangers, of unit length."""
    dimensions = engines[DEFAULT].space.dimensions
    spread = np.exp(-np.arange(dimensions) / DECAY)
    vectors = random.normal(size=(count, dimensions)).astype(np.float32) * spread.astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def photographed(random: np.random.Generator, vectors: Matrix) -> Matrix:
    """Another photograph of each face."""
    cosine = 1 - BETWEEN_PHOTOGRAPHS
    moved = cosine * vectors + np.sqrt(1 - cosine**2) * directions(random, len(vectors))
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


def with_and_without_index(client: Client, size: int) -> Iterator[Index | None]:
    """None, and then the index of the client's gallery, built meanwhile, if the gallery is large enough for one."""
    yield None
    if 0 < settings.INDEX_FROM <= size:
        with acting_as_owner():
            indexing.tend_search_indexes()
        for index in SearchIndex.objects.filter(gallery__client=client, is_used=True):
            recalls = index.recall, index.recall_first, index.recall_nearest
            yield Index(index.build_seconds, index.size / 2**20, index.ef_search, *recalls)


def timed(function: Callable[[Matrix], Any], probes: Matrix) -> tuple[float, list[Any]]:
    """Median milliseconds of a call, and every answer."""
    answers, times = [], []
    function(probes[0])
    for probe in probes:
        started = time.perf_counter()
        answers.append(function(probe))
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), answers


@transaction.atomic
def fill_list(client: Client, space: str, vectors: Matrix) -> NDArray[np.int64]:
    """One active entry with one image and one template per vector; returns the ids of the people in that order."""
    people = fill_gallery(client, space, vectors, kind=GalleryKind.BLACKLIST)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO blacklist_blacklistentry (person_ptr_id, is_active, updated_at)"
            " SELECT id, true, now() FROM people_person WHERE client_id = %s AND kind = %s",
            [client.pk, GalleryKind.BLACKLIST],
        )
    return people


@transaction.atomic
def fill_gallery(
    client: Client, space: str, vectors: Matrix, *, kind: GalleryKind = GalleryKind.PEOPLE
) -> NDArray[np.int64]:
    """One person with one image and one template per vector; returns the people's ids in that order."""
    gallery, first = Gallery.objects.default_of(client, kind), client.people.count() + 1
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_person (client_id, gallery_id, kind, uuid, number, name, metadata, created_at)"
            " SELECT %s, %s, %s, gen_random_uuid(), n, 'person ' || n, '{}', now()"
            " FROM generate_series(%s::int, %s::int) n RETURNING id",
            [client.pk, gallery.pk, kind, first, first + len(vectors) - 1],
        )
        people = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "INSERT INTO people_referenceimage (uuid, number, person_id, image, width, height, original_name,"
            " box_x, box_y, box_w, box_h, confidence, quality, created_at)"
            " SELECT gen_random_uuid(), number, id, '', 1, 1, '', 0, 0, 1, 1, 1, '{}', now() FROM people_person"
            " WHERE gallery_id = %s ORDER BY id RETURNING id",
            [gallery.pk],
        )
        images = [row[0] for row in cursor.fetchall()]
        columns = "uuid, client_id, gallery_id, person_id, reference_image_id, space, embedding, created_at"
        texts = stored_as(vectors, client.pk, space)
        with acting_as_owner(), cursor.copy(f"COPY people_facetemplate ({columns}) FROM STDIN") as copy:
            for person, image, text in zip(people, images, texts, strict=True):
                copy.write_row((uuid4(), client.pk, gallery.pk, person, image, space, text, "now"))
    return np.array(people)


def stored_as(vectors: Matrix, client_id: int, space: str) -> Iterator[str]:
    """Each vector as the client's tables hold it. The database is asked at once, and not while they are read."""
    rotation = stored.rotation_of(secret_of(client_id, PURPOSE), space, vectors.shape[1])
    parts = (vectors[at : at + ROTATED_AT_ONCE] for at in range(0, len(vectors), ROTATED_AT_ONCE))
    return (Rotated.of(one).text for part in parts for one in rotation.apply(part))


def analyse_tables() -> None:
    """Tell the planner what is there, as autovacuum does after a while."""
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE people_person, people_referenceimage, people_facetemplate, blacklist_blacklistentry")
