"""Which face of an image is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from vision.exceptions import NotRecognisable, UnusableFace
from vision.types import Box, DetectedFace

# The only face there is, the only one that is prominent, or the largest of any number.
FaceChoice = Literal["only", "prominent", "largest"]
SAME_PLACE = 0.2  # intersection over union of the boxes that two detectors draw around one face
PROMINENT = 0.25  # of the largest face's area; smaller faces belong to people in the background


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


def recognisable(face: DetectedFace) -> DetectedFace:
    """The face itself. Raises `NotRecognisable` if nothing can be decided about it."""
    if not face.is_recognisable:
        raise NotRecognisable(face.recognisability_reason)
    return face


def face_at(faces: Sequence[DetectedFace], box: Box) -> DetectedFace:
    """The face at the place where one was found before, perhaps by another detector. Raises `UnusableFace`."""
    nearest = max(faces, key=lambda face: face.box.overlap(box), default=None)
    if nearest is None or nearest.box.overlap(box) < SAME_PLACE:
        raise UnusableFace("The face that was enrolled was not found again in this photograph.", code="face.none")
    return nearest
