"""Galleries of many people, made without photographs, and what PostgreSQL does with their templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.test.utils import CaptureQueriesContext
from numpy.typing import NDArray

from faceapp.tests.database_roles import acting_as_owner
from people import indexing
from people.models import Gallery, Person
from vectors.stored import all_to_store, to_store
from vision.engines import DEFAULT, engines


def fill(gallery: Gallery, count: int, *, seed: int = 1) -> NDArray[np.float32]:
    """A person with one template for each of `count` vectors, (count, 4), which are returned in that order."""
    vectors = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    first = Person.objects.filter(client=gallery.client).count() + 1
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_person (client_id, gallery_id, kind, uuid, number, name, metadata, created_at)"
            " SELECT %s, %s, %s, gen_random_uuid(), n, 'person ' || n, '{}', now()"
            " FROM generate_series(%s::int, %s) n RETURNING id",
            [gallery.client_id, gallery.pk, gallery.kind, first, first + count - 1],
        )
        add_templates(gallery, [row[0] for row in cursor.fetchall()], vectors)
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE people_facetemplate")
    return vectors


def tend_search_indexes() -> None:
    """As the maintenance worker does it."""
    with acting_as_owner():
        indexing.tend_search_indexes()


def add_templates(gallery: Gallery, people: Sequence[int], vectors: NDArray[np.float32]) -> None:
    """One more photograph for each person, with the vector in the same place; (n, 4)."""
    space = engines[DEFAULT].space.name
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_referenceimage (uuid, number, person_id, image, width, height, original_name,"
            " box_x, box_y, box_w, box_h, confidence, quality, created_at)"
            " SELECT gen_random_uuid(), n + (SELECT coalesce(max(id), 0) FROM people_referenceimage), person,"
            " '', 1, 1, '', 0, 0, 1, 1, 1, '{}', now()"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS given (person, n) RETURNING id",
            [list(people)],
        )
        images = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "INSERT INTO people_facetemplate (uuid, client_id, gallery_id, person_id, reference_image_id, space,"
            " embedding, created_at) SELECT gen_random_uuid(), %s, %s, person, image, %s, embedding, now()"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::halfvec[]) AS given (person, image, embedding)",
            [
                gallery.client_id, gallery.pk, space, list(people), images,
                [one.text for one in all_to_store(vectors, client_id=gallery.client_id, space=space)],
            ],
        )  # fmt: skip


def plan(queries: CaptureQueriesContext) -> str:
    """How PostgreSQL answers the last search that was captured, if reading everything is dear."""
    searches = [one["sql"] for one in queries.captured_queries if "AS probe" in one["sql"]]
    return explain(searches[-1])


def explain(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {statement}")
        lines = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan; RESET enable_sort; RESET enable_bitmapscan")
    return lines


def indexes() -> dict[str, bool]:
    """The search indexes that PostgreSQL has, and whether they are complete."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " WHERE relname LIKE 'people\\_search\\_index\\_%'"
        )
        return dict(cursor.fetchall())


def scans(name: str) -> int:
    """How often an index has been used."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = %s", [name])
        return int(cursor.fetchone()[0])


def pages(name: str) -> bytes:
    """The file of an index."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT pg_read_binary_file(pg_relation_filepath(%s))", [name])
        return bytes(cursor.fetchone()[0])


def stored(gallery: Gallery, vector: Any) -> bytes:
    """The bytes of a vector as the database holds it."""
    rotated = to_store(np.ravel(vector), client_id=gallery.client_id, space=engines[DEFAULT].space.name)
    return rotated.numbers.astype(np.float16).tobytes()
