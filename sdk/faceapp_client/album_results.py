"""What the service answers about albums, as in `results`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from faceapp_client.results import Box


@dataclass(frozen=True)
class Album:
    """An album, and how many of its images are in which state: `running` wait for a worker or are in its hands."""

    id: int
    name: str
    metric: str
    threshold: float
    created_at: datetime
    total: int
    uploaded: int
    running: int
    done: int
    failed: int
    keep_images: bool = False
    uuid: str | None = None


@dataclass(frozen=True)
class AlbumFace(Box):
    """A face of an image of an album, and the group of its person."""

    id: int
    image_id: int
    face_index: int
    group_id: int | None
    confidence: float
    quality: dict[str, Any] | None = None


@dataclass(frozen=True)
class AlbumImage:
    """An image with its faces, once it is `done`."""

    id: int
    identifier: str
    external_id: str | None
    status: str
    faces: list[AlbumFace]
    error: str | None
    error_code: str | None
    has_file: bool
    created_at: datetime
    width: int | None = None
    height: int | None = None
    finished_at: datetime | None = None
    milliseconds: float | None = None
    uuid: str | None = None


@dataclass(frozen=True)
class FaceGroup:
    """One person of an album. `name` is empty until the group is named; `is_curated`: it was changed by hand."""

    id: int
    name: str
    person_id: int | None
    size: int
    faces: list[AlbumFace]
    is_curated: bool = False


@dataclass(frozen=True)
class ImageMatch:
    """Another image that shows a person of this one: the closest pair of faces, by their index in each image."""

    image_id: int
    external_id: str | None
    face: int
    other_face: int
    distance: float


@dataclass(frozen=True)
class Queued:
    """How many images were given to the workers."""

    queued: int
