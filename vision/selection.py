"""Which face of an image is meant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from vision.exceptions import NotRecognisable, UnusableFace
from vision.types import Box, DetectedFace

# The only face there is, the only one that is prominent, or the largest of any number.
FaceChoice = Literal["only", "prominent", "largest"]
SAME_PLACE = 0.2  # intersection over union of the boxes that two detectors draw around one face
PROMINENT = 0.25  # of the largest face's area; smaller faces belong to people in the background


class Boxed(Protocol):
    """A face with its place in the image."""

    @property
    def box(self) -> Box: ...


Face = TypeVar("Face", bound=Boxed)


@dataclass(frozen=True)
class FacesWanted:
    """Which faces of an image count: those whose confidence is above `surer_than`, of these the largest `most`.

    0: all of them.
    """

    surer_than: float = -1.0
    most: int = 0

    def of(self, faces: Iterable[DetectedFace]) -> list[DetectedFace]:
        """The largest first."""
        sure = sorted((face for face in faces if face.confidence > self.surer_than), key=lambda face: -face.box.area)
        return sure[: self.most] if self.most else sure


ALL_FACES = FacesWanted()


def choose_face(faces: Sequence[DetectedFace], choice: FaceChoice) -> DetectedFace:
    """The largest face. Raises `UnusableFace` without a face (`face.none`) or with more than `choice` allows
    (`face.several`).
    """
    if not faces:
        raise UnusableFace("No face was found in this image.", code="face.none")
    largest = max(faces, key=lambda face: face.box.area)
    if choice == "only" and len(faces) > 1:
        raise UnusableFace(f"This image shows {len(faces)} faces; exactly one is needed.", code="face.several")
    prominent = [face for face in faces if face.box.area >= PROMINENT * largest.box.area]
    if choice == "prominent" and len(prominent) > 1:
        raise UnusableFace("This image shows several faces; exactly one is needed.", code="face.several")
    return largest


def central_face(faces: Sequence[Face], *, width: int, height: int) -> Face | None:
    """The face nearest the centre of an image of this size, in pixels; None without a face."""

    def distance(face: Face) -> float:
        box = face.box
        return math.hypot(box.x + box.w / 2 - width / 2, box.y + box.h / 2 - height / 2)

    return min(faces, key=distance, default=None)


def recognisable(face: DetectedFace) -> DetectedFace:
    """The face itself. Raises `NotRecognisable` if nothing can be decided about it."""
    if not face.is_recognisable:
        raise NotRecognisable(face.recognisability_reason)
    return face


def marked_face(faces: Sequence[Face], box: Box) -> Face:
    """The face that somebody, or another program, has marked with this box. Raises `UnusableFace`.

    Programs draw boxes of various sizes. Intersection over union is at least `SAME_PLACE`, and the middle of the face
    is inside the box, so that nobody is taken for the person beside.
    """

    def is_inside(face: Face) -> bool:
        x, y = face.box.x + face.box.w / 2, face.box.y + face.box.h / 2
        return box.x <= x <= box.x + box.w and box.y <= y <= box.y + box.h

    near = [face for face in faces if is_inside(face) and face.box.overlap(box) >= SAME_PLACE]
    if not near:
        raise UnusableFace("No face was found where the metadata of this image marks one.", code="face.not_as_marked")
    return max(near, key=lambda face: face.box.overlap(box))


def face_at(faces: Sequence[DetectedFace], box: Box) -> DetectedFace:
    """The face at the place where one was found before, perhaps by another detector. Raises `UnusableFace`."""
    nearest = max(faces, key=lambda face: face.box.overlap(box), default=None)
    if nearest is None or nearest.box.overlap(box) < SAME_PLACE:
        raise UnusableFace("The face that was enrolled was not found again in this photograph.", code="face.none")
    return nearest
