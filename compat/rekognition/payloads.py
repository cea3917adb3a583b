"""How answers are written, in the shapes of botocore's model."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from calibration.types import Comparison
from compat.rekognition.models import IndexedFace
from compat.rekognition.scale import to_aws
from people.models import Gallery, Person, ReferenceImage
from people.types import Candidate
from vision.engines import DEFAULT, engines
from vision.types import Analysis, Box, DetectedFace, Point

Body = dict[str, Any]
DIGITS = 6
HALF_SHARP = 60.0  # the sharpness that is written as 50
ACCOUNT = "000000000000"
REASONS = {  # of our quality remarks and of faces that cannot be recognised
    "quality.too_small": "SMALL_BOUNDING_BOX",
    "quality.blurred": "LOW_SHARPNESS",
    "quality.dark": "LOW_BRIGHTNESS",
    "quality.bright": "LOW_FACE_QUALITY",
    "quality.turned": "EXTREME_POSE",
    "quality.uncertain": "LOW_CONFIDENCE",
    "cut": "LOW_FACE_QUALITY",
    "turned": "EXTREME_POSE",
    "small": "SMALL_BOUNDING_BOX",
    "dark": "LOW_BRIGHTNESS",
    "blurred": "LOW_SHARPNESS",
    "unclear": "LOW_FACE_QUALITY",
}


# ---- collections ------------------------------------------------------------------------------------------------
def arn(name: str) -> str:
    return f"aws:rekognition:{settings.REKOGNITION_REGION}:{ACCOUNT}:collection/{name}"


def model_version(gallery: Gallery | None = None) -> str:
    """Digits and points, as the model demands: 7, and a number that changes with the space that decides."""
    space = (gallery.space if gallery else "") or engines[DEFAULT].space.name
    return f"7.{zlib.crc32(space.encode())}"


def epoch(moment: datetime) -> float:
    return round(moment.timestamp(), 3)


# ---- faces of an image ------------------------------------------------------------------------------------------
def write_box(box: Box, width: int, height: int) -> Body:
    return _box(box.x / width, box.y / height, box.w / width, box.h / height)


def _box(left: float, top: float, width: float, height: float) -> Body:
    sides = {"Width": width, "Height": height, "Left": left, "Top": top}
    return {name: round(value, DIGITS) for name, value in sides.items()}


def write_found(face: DetectedFace, analysis: Analysis) -> Body:
    """The least that is said of a face: where it is and how certain that is."""
    return {
        "BoundingBox": write_box(face.box, analysis.width, analysis.height),
        "Confidence": round(100 * face.confidence, DIGITS),
    }


def write_detail(face: DetectedFace, analysis: Analysis, wanted: Collection[str] = ()) -> Body:
    """A `FaceDetail`. What nothing here measures is left out."""
    detail = write_found(face, analysis) | {"Landmarks": _landmarks(face, analysis)}
    if face.quality:
        detail["Quality"] = {
            "Brightness": round(face.quality.brightness * 100 / 255, DIGITS),
            "Sharpness": round(100 * face.quality.sharpness / (face.quality.sharpness + HALF_SHARP), DIGITS),
        }
    if face.quality and face.quality.roll is not None:
        detail["Pose"] = {"Roll": face.quality.roll}
    if face.attributes and {"ALL", "AGE_RANGE"} & set(wanted):
        detail["AgeRange"] = {"Low": face.attributes.age, "High": face.attributes.age}
    if face.attributes and {"ALL", "GENDER"} & set(wanted):
        sure = round(100 * face.attributes.gender_confidence, DIGITS)
        detail["Gender"] = {"Value": face.attributes.gender.capitalize(), "Confidence": sure}
    return detail


def _landmarks(face: DetectedFace, analysis: Analysis) -> list[Body]:
    """Rekognition's left is the left of the image; ours is the person's own."""
    points: dict[str, Point | None] = {
        "eyeLeft": face.landmarks.right_eye,
        "eyeRight": face.landmarks.left_eye,
        "mouthLeft": face.landmarks.mouth_right,
        "mouthRight": face.landmarks.mouth_left,
        "nose": face.landmarks.nose,
    }
    return [
        {"Type": name, "X": round(at[0] / analysis.width, DIGITS), "Y": round(at[1] / analysis.height, DIGITS)}
        for name, at in points.items()
        if at
    ]


# ---- stored faces -----------------------------------------------------------------------------------------------
def write_face(image: ReferenceImage, person: Person, gallery: Gallery) -> Body:
    """A `Face`; its box is a share of the photograph that was sent, or of the stored one if it came by another way."""
    indexed: IndexedFace | None = getattr(image, "indexed_face", None)
    face: Body = {
        "FaceId": str(image.uuid),
        "BoundingBox": _box(indexed.left, indexed.top, indexed.width, indexed.height)
        if indexed
        else write_box(image.box, image.width, image.height),
        "ImageId": str(indexed.image_id if indexed else image.uuid),
        "Confidence": round(100 * image.confidence, DIGITS),
        "IndexFacesModelVersion": model_version(gallery),
    }
    if indexed and indexed.external_image_id:
        face["ExternalImageId"] = indexed.external_image_id
    if person.external_id:
        face["UserId"] = person.external_id
    return face


def similarity(comparison: Comparison) -> float:
    return round(to_aws(comparison.similarity or 0.0), DIGITS)


def write_matches(found: Sequence[Candidate], gallery: Gallery, digits: int) -> list[Body]:
    return [
        {
            "Similarity": round(similarity(one.comparison), digits),
            "Face": write_face(one.reference_image, one.person, gallery),
        }
        for one in found
    ]


def write_user_matches(found: Sequence[Candidate], digits: int) -> list[Body]:
    return [
        {
            "Similarity": round(similarity(one.comparison), digits),
            "User": {"UserId": one.person.external_id or "", "UserStatus": "ACTIVE"},
        }
        for one in found
    ]


def write_compared(face: DetectedFace, analysis: Analysis) -> Body:
    """A `ComparedFace`: a detail without attributes."""
    return write_detail(face, analysis)
