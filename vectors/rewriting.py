"""Rotating what was stored before embeddings were rotated: for the migrations of the tables that hold some.

Each runs in the transaction of its migration, which Django records in the same transaction: a run that is stopped has
changed nothing, and none rotates twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from numpy.typing import NDArray
from pgvector import HalfVector

from vault.keys import secret_of
from vectors.rotation import rotation_of
from vectors.stored import PURPOSE, Rotated
from vision.types import Embedding

AT_ONCE = 1_000  # rows

Row = tuple[int, int, str, str]  # id, client, space, embedding as text


def rewrite(schema_editor: BaseDatabaseSchemaEditor, table: str, rows: str, *, undo: bool = False) -> None:
    """Rotate the column `embedding` of a table, or undo that.

    `rows`: a query for id, client, space and embedding of all rows of the table that have one, without an end.
    """
    connection = schema_editor.connection
    schema_editor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
    last = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                f"SELECT id, client_id, space, embedding::text FROM ({rows}) AS stored"  # noqa: S608  constants only
                " WHERE id > %s ORDER BY id LIMIT %s",
                [last, AT_ONCE],
            )
            found: list[Row] = cursor.fetchall()
            if not found:
                return
            last = found[-1][0]
            changed = list(_rewritten(found, undo=undo))
            cursor.execute(
                f"UPDATE {table} AS stored SET embedding = given.embedding"  # noqa: S608  constants only
                " FROM unnest(%s::bigint[], %s::halfvec[]) AS given (id, embedding) WHERE stored.id = given.id",
                [[pk for pk, _ in changed], [text for _, text in changed]],
            )


def rotated(client_id: int, space: str, vectors: Sequence[NDArray[Any]], *, undo: bool = False) -> Embedding:
    """Vectors (n, dimensions) of one client and space, rotated or rotated back: (n, dimensions)."""
    rotation = rotation_of(secret_of(client_id, PURPOSE), space, len(vectors[0]))
    return (rotation.undo if undo else rotation.apply)(np.asarray(vectors))


def _rewritten(rows: Sequence[Row], *, undo: bool) -> Iterator[tuple[int, str]]:
    groups = defaultdict[tuple[int, str, int], list[tuple[int, NDArray[np.float16]]]](list)
    for pk, client_id, space, text in rows:
        vector = HalfVector.from_text(text).to_numpy()
        groups[client_id, space, len(vector)].append((pk, vector))
    for (client_id, space, _), group in groups.items():
        turned = rotated(client_id, space, [vector for _, vector in group], undo=undo)
        for (pk, _), vector in zip(group, turned, strict=True):
            yield pk, Rotated.of(vector).text
