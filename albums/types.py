"""Values that albums' services take and return."""

from __future__ import annotations

from dataclasses import dataclass


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
