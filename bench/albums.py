"""What one more image costs an album: find its neighbours, choose a group, store; and ask for matches.

The vectors are synthetic and spread like Dlib's, about 0.8 between two people and 0.35 between two photographs of one,
with ten photographs of each person.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from django.db import connection, transaction

from albums import services
from albums.models import Album, AlbumFace, AlbumImage
from bench.report import Line
from bench.search import SIZES, Matrix, stored_as
from clients.models import Client
from faceapp.tests.database_roles import acting_as_owner
from vision.engines import DEFAULT, engines
from vision.types import Analysis, Box, DetectedFace, Landmarks

PER_PERSON = 10
PROBES = 40  # half of them show people of the album
BETWEEN_PEOPLE = 0.8 / np.sqrt(2 * 128)  # standard deviation of each of 128 numbers
BETWEEN_PHOTOGRAPHS = 0.35 / np.sqrt(2 * 128)


@dataclass(frozen=True)
class Growth:
    """Medians in milliseconds. `right`: share of new faces that came into their person's group, or into a new one."""

    faces: int
    store_ms: float
    matches_ms: float
    right: float

    def line(self) -> Line:
        what = f"album of {self.faces:,} faces, one more image"
        matches = f"matches in {self.matches_ms:.1f} ms"
        return what, f"stored in {self.store_ms:.1f} ms", matches, f"{self.right:.0%} right"


def measure() -> list[Growth]:
    return [_measure(size) for size in SIZES]


def _measure(size: int) -> Growth:
    random = np.random.default_rng(size)
    client = Client.objects.create(name=f"bench-album-{size}")
    album = services.create_album(client=client, name="bench")
    dimensions = engines[DEFAULT].space.dimensions
    people = random.normal(0, BETWEEN_PEOPLE, (size // PER_PERSON, dimensions)).astype(np.float32)
    groups = _fill(album, np.repeat(people, PER_PERSON, axis=0), random)
    known = random.choice(len(people), PROBES // 2, replace=False)
    strangers = random.normal(0, BETWEEN_PEOPLE, (PROBES // 2, dimensions)).astype(np.float32)
    probes = _photographed(np.concatenate([people[known], strangers]), random)
    expected: list[int | None] = [*(groups[person] for person in known), *[None] * len(strangers)]
    stored, asked, right = [], [], 0
    for probe, group in zip(probes, expected, strict=True):
        created = AlbumImage.objects.create(album=album, identifier="probe", status="pending")
        AlbumImage.objects.claim([created.pk], task_id="bench")
        image = AlbumImage.objects.select_related("album__client").get(pk=created.pk)
        face = DetectedFace(Box(0, 0, 100, 100), 1.0, Landmarks(), embeddings={album.space: probe})
        stored.append(_ms(partial(services._store_faces, image, Analysis([face], 640, 640, 0.0))))
        asked.append(_ms(partial(services.matches_of, image=image)))
        found = AlbumFace.objects.get(image=image).group_id
        right += found == group if group else found not in groups
    return Growth(size, statistics.median(stored), statistics.median(asked), right / PROBES)


def _ms(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _photographed(vectors: Matrix, random: np.random.Generator) -> Matrix:
    return vectors + random.normal(0, BETWEEN_PHOTOGRAPHS, vectors.shape).astype(np.float32)


@transaction.atomic
def _fill(album: Album, centres: Matrix, random: np.random.Generator) -> list[int]:
    """One processed image with one face per row; returns the group of each person in their order."""
    size = len(centres)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO albums_facegroup (album_id, uuid, number, is_curated, created_at)"
            " SELECT %s, gen_random_uuid(), n, false, now() FROM generate_series(1, %s) AS n RETURNING id",
            [album.pk, size // PER_PERSON],
        )
        groups = sorted(row[0] for row in cursor.fetchall())
        cursor.execute(
            "INSERT INTO albums_albumimage (album_id, uuid, number, identifier, status, attempts, claim, error_code,"
            " error, image, created_at) SELECT %s, gen_random_uuid(), n, '', 'done', 1, '', '', '', '', now()"
            " FROM generate_series(1, %s) AS n RETURNING id",
            [album.pk, size],
        )
        images = sorted(row[0] for row in cursor.fetchall())
        columns = "album_id, number, image_id, group_id, index, box_x, box_y, box_w, box_h, confidence, quality"
        texts = stored_as(_photographed(centres, random), album.client_id, album.space)
        with acting_as_owner(), cursor.copy(f"COPY albums_albumface ({columns}, embedding) FROM STDIN") as copy:
            for number, text in enumerate(texts):
                group = groups[number // PER_PERSON]
                copy.write_row((album.pk, number + 1, images[number], group, 0, 0, 0, 9, 9, 1.0, "{}", text))
    Album.objects.filter(pk=album.pk).update(last_group=size // PER_PERSON, last_face=size)
    with connection.cursor() as cursor:
        counter = "INSERT INTO clients_counter (client_id, kind, last) VALUES (%s, 'album_image', %s)"
        cursor.execute(counter, [album.client_id, size])
        cursor.execute("ANALYZE albums_albumimage, albums_facegroup, albums_albumface")
    return groups
