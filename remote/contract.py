"""What a service that keeps and searches faces can do, whoever runs it.

A back end is declared by its `Abilities`: operations, scale and limits are read there, never found out by trying.
Images are JPEG bytes that hold one face with a margin (a portrait or a crop), made by `remote.fitting` to fit
`Abilities.largest_bytes` and `smallest_side`. `own_id` is ours: the UUID of the reference image, by which a repeated
call is recognised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Abilities:
    """What a back end promises. Scores are as the service gives them; `remote.scores` maps them to our similarity."""

    name: str  # aws_rekognition, azure_face
    label: str
    largest_score: float  # of two equal faces; the smallest is 0
    score_at_point: float  # the vendor's recommended point of decision, our 0.7
    largest_bytes: int
    smallest_side: int  # pixels of the whole image
    most_candidates: int
    most_deleted: int  # faces in one call
    can_filter: bool  # by a score below which nothing is returned
    needs_training: bool  # enrolled faces are found only after `train`
    promises_rate: bool = False  # a false-alarm rate that we have measured


@dataclass(frozen=True)
class RemoteFace:
    face_id: str  # the service's
    own_id: str  # ours, empty if somebody else put it there


@dataclass(frozen=True)
class RemoteHit:
    face: RemoteFace
    score: float


class RemoteBackend(Protocol):
    """One service. Every method raises kinds of `remote.exceptions.RemoteError`, and nothing else.

    Each can be repeated without harm: `ensure` and `add` find what an earlier call has made.
    """

    abilities: Abilities

    def ensure(self, collection: str) -> None:
        """Create the collection if it does not exist."""

    def drop(self, collection: str) -> None:
        """Delete the collection with all faces; one that is gone is no error."""

    def add(self, collection: str, image: bytes, own_id: str, *, is_first: bool = False) -> RemoteFace:
        """Enrol the largest face. Raises `NoRemoteFace` if the service finds none that it accepts.

        `is_first`: no earlier call with this id can have reached the service, which spares looking for its face.
        """

    def remove(self, collection: str, face_ids: Sequence[str]) -> None:
        """Faces that are gone are no error."""

    def find(self, collection: str, own_id: str) -> list[RemoteFace]:
        """The faces that `add` has made for this id."""

    def faces(self, collection: str) -> Iterator[RemoteFace]:
        """Every face of the collection, page by page. Raises `CollectionGone`."""

    def search(self, collection: str, image: bytes, *, limit: int, score: float) -> list[RemoteHit]:
        """The faces nearest to the largest face of the image, nearest first, none below `score`.

        Empty where the service finds no face. Raises `CollectionGone`.
        """

    def compare(self, one: bytes, other: bytes) -> float | None:
        """The score of the largest faces of two images; `None` where the service finds no face."""

    def train(self, collection: str) -> None:
        """Let enrolled faces be found, and wait until they are; at once where no training is needed."""
