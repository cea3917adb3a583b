"""Values that albums' services take and return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibration.types import Comparison, Decision
from vision.types import DetectedFace

if TYPE_CHECKING:
    from albums.models import AlbumFace


@dataclass(frozen=True)
class ImageMatch:
    """Another image of the album with a person of this one, by the closest pair of faces."""

    image_id: int  # its number
    external_id: str | None
    face: int  # index of the face in the image that was asked about
    other_face: int
    distance: float
    similarity: float  # 0 to 1; see `calibration.similarity`


@dataclass(frozen=True)
class Vote:
    """How a stored group looks to a new face: so many of its `size` faces match, with so much closeness in all.

    Closeness is 1 for the same point and 0 at the threshold.
    """

    group_id: int
    matching: int
    closeness: float
    size: int
    is_curated: bool


@dataclass(frozen=True)
class Alike:
    """Two groups that may show one person, by their nearest faces. `face` and `other_face` are loaded with image and
    group."""

    face: AlbumFace
    other_face: AlbumFace
    comparison: Comparison


@dataclass(frozen=True)
class AlikeGroups:
    """Pairs that may show one person, closest first, found among `compared` of the album's `groups`."""

    pairs: Sequence[Alike]
    compared: int
    groups: int


@dataclass(frozen=True)
class GroupNear:
    """A group near a face of a photograph, by its nearest face."""

    face: AlbumFace
    comparison: Comparison


@dataclass(frozen=True)
class FaceInAlbum:
    """A face of a photograph, and the groups near it, closest first; none of a face that cannot be recognised."""

    face: DetectedFace
    near: Sequence[GroupNear]

    @property
    def decision(self) -> Decision:
        if not self.face.is_recognisable:
            return Decision.NOT_RECOGNISABLE
        return self.near[0].comparison.decision if self.near else Decision.NO_MATCH
