"""Faces with dlib's own numbers, for callers that compare descriptors themselves. Runs in workers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from faceapp.exceptions import InvalidInput
from vision.engines import describer
from vision.images import Limits
from vision.types import Image, RawFace, Rectangle

SAME_FACE = 0.35  # overlap from which two detectors mean the same face


@dataclass(frozen=True)
class RawOptions:
    """What is wanted of an image.

    `detector` (`mmod` or `hog`) finds the faces and `upsample` doubles the image so often before; `checked_by` names a
    second one, of the same upsampling as `check_upsample`, that shall confirm them. With `rectangle` nothing is
    searched: that one face is described.
    """

    detector: str = "mmod"
    upsample: int = 0
    points: int = 5
    checked_by: str | None = None
    check_upsample: int = 1

    @property
    def detectors(self) -> list[str]:
        return [self.detector, *([self.checked_by] if self.checked_by else [])]


def describe(
    data: bytes, *, options: RawOptions, rectangle: Rectangle | None = None, limits: Limits | None = None
) -> list[RawFace]:
    """The faces of an encoded image, in the detector's order, or the one at `rectangle`.

    Raises `InvalidImage`, `EngineUnavailable` (weights), or `InvalidInput` (`face.outside`).
    """
    image = describer().read(data, limits=limits)
    if rectangle:
        _require_inside(rectangle, image)
        return _described(image, [(rectangle, None)], options.points)
    found = describer().detect(image, detector=options.detector, upsample=options.upsample)
    faces = _described(image, [*found], options.points)
    return _checked(image, faces, options) if options.checked_by and faces else faces


def _described(image: Image, found: list[tuple[Rectangle, float | None]], points: int) -> list[RawFace]:
    places = [describer().landmarks(image, rectangle, points=points) for rectangle, _ in found]
    vectors = describer().descriptors(image, places).tolist()
    return [RawFace(*face, place, vector) for face, place, vector in zip(found, places, vectors, strict=True)]


def _checked(image: Image, faces: list[RawFace], options: RawOptions) -> list[RawFace]:
    others = describer().detect(image, detector=options.checked_by or "", upsample=options.check_upsample)
    return [
        replace(face, confirmed=any(face.rectangle.overlap(other) >= SAME_FACE for other, _ in others))
        for face in faces
    ]


def _require_inside(rectangle: Rectangle, image: Image) -> None:
    height, width = image.shape[:2]
    outside = rectangle.right < 0 or rectangle.bottom < 0 or rectangle.left >= width or rectangle.top >= height
    if outside or max(rectangle.right - rectangle.left, rectangle.bottom - rectangle.top) > 2 * max(width, height):
        raise InvalidInput("The face does not lie on the image. Send pixels of this image.", code="face.outside")
