"""Searching a blacklist in PostgreSQL against an exact search in memory, at several sizes.

The vectors are synthetic and spread like Dlib's: about 0.8 between two people, 0.35 between two photographs of one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from bench.report import Line
from blacklist.services import search_blacklist
from clients.models import Client
from people.models import Gallery, GalleryKind
from vision.engines import DEFAULT, engines

SIZES = (1_000, 10_000, 100_000)
PROBES = 40  # half of them show listed people
BETWEEN_PEOPLE = 0.8 / np.sqrt(2 * 128)  # standard deviation of each of 128 numbers
BETWEEN_PHOTOGRAPHS = 0.35 / np.sqrt(2 * 128)

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Search:
    """Medians in milliseconds. `recall`: found matches of those that an exact search in 32 bits finds."""

    templates: int
    search_ms: float
    numpy_ms: float
    recall: float

    def line(self) -> Line:
        compared, result = f"numpy {self.numpy_ms:.1f} ms", f"recall {self.recall:.3f}"
        return f"search, {self.templates:,} templates", f"{self.search_ms:.1f} ms", compared, result


def measure(sizes: Sequence[int] = SIZES) -> list[Search]:
    """Each size in a client of its own, which stays."""
    return [_measure(size) for size in sizes]


def client_name(size: int) -> str:
    return f"bench-{size}"


def _measure(size: int) -> Search:
    random = np.random.default_rng(size)
    space = engines[DEFAULT].space
    vectors = random.normal(0, BETWEEN_PEOPLE, (size, space.dimensions)).astype(np.float32)
    client = Client.objects.create(name=client_name(size))
    people = _fill(client, space.name, vectors)
    analyse_tables()
    listed = vectors[random.choice(size, PROBES // 2, replace=False)]
    strangers = random.normal(0, BETWEEN_PEOPLE, (PROBES // 2, space.dimensions)).astype(np.float32)
    probes = np.concatenate([listed, strangers])
    probes += random.normal(0, BETWEEN_PHOTOGRAPHS, probes.shape).astype(np.float32)
    threshold = space.thresholds["euclidean"]

    def search(probe: Matrix) -> list[int]:
        [found] = search_blacklist(
            client=client, space=space.name, embeddings=[probe], metric="euclidean", threshold=threshold
        )
        return [hit.entry_id for hit in found]

    def exact(probe: Matrix) -> NDArray[Any]:
        return np.linalg.norm(vectors - probe, axis=1)

    search_ms, found = timed(search, probes)
    numpy_ms, distances = timed(exact, probes)
    truth = [people[row <= threshold] for row in distances]
    hits = sum(len(set(a) & set(b.tolist())) for a, b in zip(found, truth, strict=True))
    return Search(size, search_ms, numpy_ms, recall=hits / sum(len(b) for b in truth))


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
def _fill(client: Client, space: str, vectors: Matrix) -> NDArray[np.int64]:
    """One active entry with one image and one template per vector; returns the ids of the people in that order."""
    people = fill_gallery(client, space, vectors, kind=GalleryKind.BLACKLIST)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO blacklist_blacklistentry (person_ptr_id, is_active, updated_at)"
            " SELECT id, true, now() FROM people_person WHERE client_id = %s",
            [client.pk],
        )
    return people


@transaction.atomic
def fill_gallery(
    client: Client, space: str, vectors: Matrix, *, kind: GalleryKind = GalleryKind.PEOPLE
) -> NDArray[np.int64]:
    """One person with one image and one template per vector; returns the people's ids in that order."""
    gallery = Gallery.objects.default_of(client, kind)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_person (client_id, gallery_id, kind, uuid, number, name, metadata, created_at)"
            " SELECT %s, %s, %s, gen_random_uuid(), n, 'person ' || n, '{}', now() FROM generate_series(1, %s) n"
            " RETURNING id",
            [client.pk, gallery.pk, kind, len(vectors)],
        )
        people = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "INSERT INTO people_referenceimage (uuid, number, person_id, image, width, height, original_name,"
            " box_x, box_y, box_w, box_h, confidence, quality, created_at)"
            " SELECT gen_random_uuid(), number, id, '', 1, 1, '', 0, 0, 1, 1, 1, '{}', now() FROM people_person"
            " WHERE client_id = %s ORDER BY id RETURNING id",
            [client.pk],
        )
        images = [row[0] for row in cursor.fetchall()]
        columns = "uuid, client_id, gallery_id, person_id, reference_image_id, space, embedding, created_at"
        with cursor.copy(f"COPY people_facetemplate ({columns}) FROM STDIN") as copy:
            for person, image, vector in zip(people, images, vectors, strict=True):
                copy.write_row((uuid4(), client.pk, gallery.pk, person, image, space, str(vector.tolist()), "now"))
    return np.array(people)


def analyse_tables() -> None:
    """Tell the planner what is there, as autovacuum does after a while."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE people_person, people_referenceimage, people_facetemplate, blacklist_blacklistentry")
