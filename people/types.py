"""Values that the gallery's services take and return."""

from __future__ import annotations

from dataclasses import dataclass

from vision.images import ImageInfo
from vision.types import DetectedFace


@dataclass(frozen=True)
class Upload:
    """An encoded image as a caller sent it. `name` is the caller's file name, used for display only."""

    data: bytes
    name: str = ""


@dataclass(frozen=True)
class Portrait:
    """An image that holds exactly one usable face, with that face's embedding in every enabled space."""

    upload: Upload
    info: ImageInfo
    face: DetectedFace
    width: int  # pixels of the upright image, as the face's box counts them
    height: int


@dataclass(frozen=True)
class Neighbour:
    """A person near a probe, by the closest of that person's templates."""

    person_id: int
    reference_image_id: int
    distance: float


@dataclass(frozen=True)
class Refusal:
    """Why one file of several was not taken."""

    name: str
    code: str
    message: str
