"""Faces with dlib's own numbers, for callers that compare descriptors themselves. Runs in workers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from errors import InvalidInput
from vision.engines import dlib_pipeline
from vision.images import Limits
from vision.types import Box, Image, RawFace

SAME_FACE = 0.35  # overlap from which two detectors mean the same face
SURE_SIDE = 80  # pixels; the window of both detectors. A face of twice that is found without doubling the image


@dataclass(frozen=True)
class RawFaceOptions:
    """How the faces of an image are found and described.

    `detector` (`mmod` or `hog`) finds the faces in an image that was doubled `upsample` times. `checked_by` names a
    second detector, which must confirm each face after `check_upsample` doublings. `points` (5 or 68) landmarks are
    placed on each face.
    """

    detector: str = "mmod"
    upsample: int = 0
    points: int = 5
    checked_by: str | None = None
    check_upsample: int = 1

    @property
    def detectors(self) -> list[str]:
        return [self.detector, *([self.checked_by] if self.checked_by else [])]


def run_pipeline(
    data: bytes, *, options: RawFaceOptions, box: Box | None = None, limits: Limits | None = None
) -> list[RawFace]:
    """The faces of an encoded image, in the detector's order, or the one in `box`, without a search.

    Raises `InvalidImage`, `EngineUnavailable` (weights), or `InvalidInput` (`face.outside`).
    """
    pipeline = dlib_pipeline()
    image = pipeline.read(data, limits=limits)
    found: list[tuple[Box, float | None]]
    if box:
        height, width = image.shape[:2]
        outside = box.right < 0 or box.bottom < 0 or box.left >= width or box.top >= height
        if outside or max(box.w, box.h) - 1 > 2 * max(width, height):
            raise InvalidInput("The face does not lie on the image. Send pixels of this image.", code="face.outside")
        found = [(box, None)]
    else:
        detected = pipeline.detect(image, detector=options.detector, upsample=options.upsample)
        found = [(face.box, face.score) for face in detected]
    landmarks = [pipeline.landmarks(image, place, points=options.points) for place, _ in found]
    descriptors = pipeline.descriptors(image, landmarks).tolist()
    faces = [
        RawFace(place, score, points, descriptor)
        for (place, score), points, descriptor in zip(found, landmarks, descriptors, strict=True)
    ]
    return faces if box or not (options.checked_by and faces) else _confirmed(image, faces, options)


def _confirmed(image: Image, faces: list[RawFace], options: RawFaceOptions) -> list[RawFace]:
    """The faces with whether the second detector finds each of them too.

    It looks at the face and as much again on every side, a fifth of the work, and only where that fails at the whole
    image. Of 67 faces and false alarms in photographs of three sizes the surroundings alone decided 66 as the whole
    image does.
    """
    seen = []
    for face in faces:
        box, side = face.box, max(face.box.w, face.box.h) - 1
        left, top = max(box.left - side, 0), max(box.top - side, 0)
        part = np.ascontiguousarray(image[top : box.bottom + side, left : box.right + side])
        near = _second_detection(part, options, options.check_upsample if side < 2 * SURE_SIDE else 0)
        seen.append(_is_among(replace(box, x=box.x - left, y=box.y - top), near))
    if not all(seen):
        found = _second_detection(image, options, options.check_upsample)
        seen = [nearby or _is_among(face.box, found) for nearby, face in zip(seen, faces, strict=True)]
    return [replace(face, confirmed=confirmed) for face, confirmed in zip(faces, seen, strict=True)]


def _second_detection(image: Image, options: RawFaceOptions, upsample: int) -> list[Box]:
    found = dlib_pipeline().detect(image, detector=options.checked_by or "", upsample=upsample)
    return [face.box for face in found]


def _is_among(face: Box, others: list[Box]) -> bool:
    return any(face.overlap(other) >= SAME_FACE for other in others)
