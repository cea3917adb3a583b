"""Embeddings as the database holds them: rotated for their client and space, in half precision.

Only `to_store` makes them and only `from_store` undoes that. Fields and queries take nothing else, so that no embedding
is stored, or compared with stored ones, as the engine gave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.django import HalfVectorField

from vault.keys import secret_of
from vectors.rotation import rotation_of
from vision.types import Embedding

PURPOSE = "embeddings"  # of the client's secret
LONGEST = (
    60_000.0  # length of an embedding: each number of a rotated one may be as large, and half precision ends there
)


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Rotated:
    """One rotated embedding; `numbers` (dimensions,) are float32 of half precision.

    Distances between two of one client and space are those of the faces, to within rounding.
    """

    numbers: Embedding

    @classmethod
    def of(cls, numbers: Sequence[float] | NDArray[Any]) -> Self:
        """From numbers that have been rotated already."""
        return cls(np.asarray(numbers, np.float16).astype(np.float32))

    @property
    def text(self) -> str:
        """As PostgreSQL reads a `halfvec`."""
        return HalfVector(self.numbers).to_text()


class RotatedField(HalfVectorField):
    """A `halfvec` of any dimension, None or a `Rotated`."""

    description = "Rotated embedding"

    def get_prep_value(self, value: Any) -> str | None:
        """Raises TypeError for an embedding that nobody has rotated."""
        if value is not None and not isinstance(value, Rotated):
            raise TypeError("Only rotated embeddings are stored: see vectors.stored.to_store.")
        return None if value is None else value.text

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Rotated | None:  # type: ignore[override]
        numbers = super().from_db_value(value, expression, connection)
        return None if numbers is None else Rotated.of(numbers)

    def to_python(self, value: Any) -> Rotated | None:  # type: ignore[override]
        return value if value is None or isinstance(value, Rotated) else Rotated.of(super().to_python(value) or [])


def to_store(embedding: Embedding, *, client_id: int, space: str) -> Rotated:
    """Rotate an embedding (dimensions,) of an engine, to be stored or to be compared with stored ones."""
    [rotated] = all_to_store([embedding], client_id=client_id, space=space)
    return rotated


def all_to_store(embeddings: Sequence[Embedding], *, client_id: int, space: str) -> list[Rotated]:
    """`to_store` of one or more of the same length, in their order."""
    rotation = rotation_of(secret_of(client_id, PURPOSE), space, len(embeddings[0]))
    return [Rotated.of(vector) for vector in rotation.apply(np.stack(embeddings))]


def from_store(stored: Rotated, *, client_id: int, space: str) -> Embedding:
    """The embedding (dimensions,) as the engine gave it, to within rounding to half precision."""
    secret = secret_of(client_id, PURPOSE, make=False)
    return rotation_of(secret, space, len(stored.numbers)).undo(stored.numbers)
