"""How uploads are read and answers written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from compat.nextcloud.exceptions import BadPart
from compat.nextcloud.models import FaceModel
from compat.nextcloud.services import Detection
from vision.types import Box, RawFace

# The app groups faces from 0.99 and accepts no confidence above 1.1.
HOG_CONFIDENCE = MAX_CONFIDENCE = 1.1
UNCONFIRMED = 0.8  # factor where the second detector did not find the face
SIDES = ("left", "top", "right", "bottom")
MAX_PIXEL = 1_000_000
PREFERRED_TYPE = "image/jpeg"


@dataclass(frozen=True)
class Upload:
    """An uploaded image and the last part of its file name, which the app ignores."""

    name: str
    data: bytes


def read_upload(files: Mapping[str, Any]) -> Upload:
    """The part `file`. Raises `BadPart`."""
    file = files.get("file")
    if file is None:
        raise BadPart("Send the image as a file part named 'file'.", code="nextcloud.no_file")
    return Upload(file.name, file.read())


def read_face(fields: Mapping[str, Any]) -> tuple[dict[str, Any], Box]:
    """The part `face` as it was sent, and its box. Raises `BadPart`."""
    text = fields.get("face")
    if not isinstance(text, str):
        raise BadPart("Send the face as a text part named 'face'.", code="nextcloud.no_face")
    try:
        face = json.loads(text)
        # It must be possible to send it back: no NaN, no number out of range, no half of a surrogate pair.
        json.dumps(face, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise _bad_face("The face is not valid JSON.") from None
    if not isinstance(face, dict):
        raise _bad_face("The face must be a JSON object.")
    sides = [face.get(side) for side in SIDES]
    if not all(type(side) is int and abs(side) <= MAX_PIXEL for side in sides):
        raise _bad_face("The face needs left, top, right and bottom in whole pixels.")
    box = Box.from_edges(*(int(str(side)) for side in sides))
    if box.left >= box.right or box.top >= box.bottom:
        raise _bad_face("The face has no size: left must be less than right, and top less than bottom.")
    return face, box


def write_limits() -> dict[str, Any]:
    return {"preferred_mimetype": PREFERRED_TYPE, "maximum_area": settings.NEXTCLOUD_MAX_AREA}


def write_detection(name: str, detection: Detection) -> dict[str, Any]:
    faces = [write_face(face, detection.model) for face in detection.faces]
    return {"filename": name, "faces-count": len(faces), "faces": faces}


def write_face(face: RawFace, model: FaceModel) -> dict[str, Any]:
    confidence = {"detection_confidence": confidence_of(face, model)}
    return confidence | {side: getattr(face.box, side) for side in SIDES} | write_description(face)


def write_description(face: RawFace) -> dict[str, Any]:
    return {"landmarks": [{"x": x, "y": y} for x, y in face.landmarks], "descriptor": face.descriptor}


def write_computed(name: str, sent: dict[str, Any], face: RawFace) -> dict[str, Any]:
    """The face exactly as it was sent: the app stores its sides without rounding."""
    return {"filename": name, "face": sent | write_description(face)}


def write_welcome(problem: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "facerecognition-external-model": problem or "welcome",
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
    }
    return body if problem else body | {"model": settings.NEXTCLOUD_MODEL}


def confidence_of(face: RawFace, model: FaceModel) -> float:
    """On the app's scale. HOG's scores have another scale, so its faces count as certain; mmod's lie around 1."""
    if model == FaceModel.HOG:
        return HOG_CONFIDENCE
    score = min(face.score or 0.0, MAX_CONFIDENCE)
    return score * UNCONFIRMED if face.confirmed is False else score


def _bad_face(message: str) -> BadPart:
    return BadPart(message, code="nextcloud.bad_face")
