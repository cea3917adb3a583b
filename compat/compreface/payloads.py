"""How bodies are read and answers written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from django.core.files.uploadedfile import UploadedFile

from calibration.types import Comparison
from compat.compreface import subjects
from compat.compreface.exceptions import BadImageText, EmptyField, MissingPart, WrongEmbeddings
from compat.compreface.parameters import Query
from compat.similarity import decided_similarity
from people.types import Candidate
from vision import images
from vision.angles import angles_of
from vision.engines import DEFAULT, engines
from vision.exceptions import InvalidImage
from vision.selection import FacesWanted
from vision.types import Analysis, Box, DetectedFace, Embedding, Point, Upload

Body = dict[str, Any]
FIELDS = {"file": "content", "source_image": "sourceImageBase64", "target_image": "targetImageBase64"}
NOT_BASE64 = {"image.bad_base64", "image.not_an_image", "image.path_refused"}
MOST_EMBEDDINGS = 100
LARGEST = 1e30  # of the numbers of an embedding


# ---- what was sent ----------------------------------------------------------------------------------------------
def read_image(data: Any, name: str = "file") -> Upload:
    """The part `name` of a form, or the member of a JSON object.

    Raises `MissingPart`, `EmptyField`, `BadImageText` or `InvalidImage`.
    """
    value = data.get(name) if isinstance(data, Mapping) else None
    if isinstance(value, UploadedFile):
        return Upload(value.read(), value.name or "")
    if hasattr(data, "getlist"):
        if not value:
            raise MissingPart(f"Required part {name} is missing")
    elif not isinstance(value, str) or not value.strip():
        raise EmptyField(f"Field {FIELDS[name]} cannot be empty")
    try:
        return Upload(images.read_text(value, references=False))
    except InvalidImage as error:
        if error.code in NOT_BASE64:
            raise BadImageText("Provided value is not Base64") from error
        raise


def member(data: Any, name: str) -> Any:
    """Of a JSON object; None from anything else."""
    return data.get(name) if isinstance(data, Mapping) else None


def read_embeddings(data: Any, name: str = "embeddings") -> list[Embedding]:
    """Raises `EmptyField` or `WrongEmbeddings`."""
    given = member(data, name)
    require_field(given, name)
    if len(given) > MOST_EMBEDDINGS:
        raise WrongEmbeddings(f"{MOST_EMBEDDINGS} embeddings at most can be sent at once")
    return [read_embedding(one) for one in given]


def read_embedding(given: Any) -> Embedding:
    """Raises `WrongEmbeddings` unless it is a list of finite numbers."""
    numbers = given if isinstance(given, list) else []
    if not numbers or not all(type(one) in (int, float) and abs(one) < LARGEST for one in numbers):
        raise WrongEmbeddings("An embedding is a list of numbers")
    return np.asarray(numbers, np.float32)


def require_field(value: Any, name: str) -> None:
    """Raise `EmptyField` for a list that is missing or empty."""
    if not isinstance(value, list) or not value:
        raise EmptyField(f"Field {name} cannot be empty")


# ---- faces ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Shown:
    """What is written of each face: which plugins, of what `space` the embeddings are, and how the image went."""

    query: Query
    analysis: Analysis
    space: str
    sends_embeddings: bool = False
    rounded: bool = True

    @property
    def plugins(self) -> frozenset[str]:
        return self.query.plugins if self.sends_embeddings else self.query.plugins - {"calculator"}

    def face(self, face: DetectedFace, **more: Any) -> Body:
        """What was not asked for, or is not known, is absent."""
        named = {
            "age": _age(face),
            "gender": _gender(face),
            "pose": _pose(face),
            "calculator": _embedding(face, self.space),
            "landmarks": _landmarks(face),
        }
        asked = {name: value for name, value in named.items() if name in self.plugins and value is not None}
        if "calculator" in asked:
            asked["embedding"] = asked.pop("calculator")
        landmarks = {"landmarks": asked.pop("landmarks")} if "landmarks" in asked else {}
        body = asked | {"box": self._box(face)} | more | landmarks
        if self.query.flag("status"):
            body["execution_time"] = {"detector": round(self.analysis.milliseconds, 1)}
        return body

    def _box(self, face: DetectedFace) -> Body:
        box, sure = face.box, face.confidence
        edges = {"x_max": box.x + box.w, "y_max": box.y + box.h, "x_min": box.x, "y_min": box.y}
        return {"probability": half_up(sure) if self.rounded else sure, **edges}

    @property
    def status(self) -> Body:
        """`plugins_versions`, where they are asked for."""
        if not self.query.flag("status"):
            return {}
        versions = {"detector": f"faceapp.{engines[DEFAULT].detector}", "calculator": f"faceapp.{self.space}"}
        return {"plugins_versions": versions | {name: f"faceapp.{name}" for name in self.plugins - {"calculator"}}}

    @property
    def model(self) -> Body:
        return {"model": self.space} if self.query.flag("extended") else {}


def write_subjects(found: Sequence[Candidate], query: Query) -> list[Body]:
    """The most similar first, which is the nearest as well: all are judged at the point of one gallery."""
    written = [
        {"subject": subjects.title(one.person), "similarity": decided_similarity(one.comparison)}
        | _extended(one.comparison, query)
        for one in found
    ]
    return sorted(written, key=lambda one: -one["similarity"])


def write_similarity(compared: Comparison, query: Query) -> Body:
    return {"similarity": decided_similarity(compared)} | _extended(compared, query)


def write_compared(sent: Sequence[Any], compared: Sequence[Comparison], query: Query) -> Body:
    """The most similar first."""
    written = [
        {"embedding": one, **write_similarity(comparison, query)}
        for one, comparison in zip(sent, compared, strict=True)
    ]
    return {"result": sorted(written, key=lambda one: -one["similarity"])}


def only_largest(faces: FacesWanted) -> FacesWanted:
    """For an image that is said to be one face."""
    return replace(faces, most=1)


def whole(face: DetectedFace, analysis: Analysis) -> DetectedFace:
    """The face of an image that is said to be one face, and nothing else."""
    return replace(face, box=Box(0, 0, analysis.width, analysis.height), confidence=1.0)


def _extended(compared: Comparison, query: Query) -> Body:
    return {"threshold": 0.5, "match": compared.matches} if query.flag("extended") else {}


def half_up(value: float, digits: int = 5) -> float:
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def _age(face: DetectedFace) -> Body | None:
    """The network tells no range and no certainty, as with InsightFace's builds."""
    return {"probability": 1.0, "high": face.attributes.age, "low": face.attributes.age} if face.attributes else None


def _gender(face: DetectedFace) -> Body | None:
    guess = face.attributes
    return {"probability": guess.gender_confidence, "value": guess.gender} if guess else None


def _pose(face: DetectedFace) -> Body | None:
    angles = angles_of(face)
    return {"pitch": angles.pitch, "roll": angles.roll, "yaw": angles.yaw} if angles else None


def _embedding(face: DetectedFace, space: str) -> list[float] | None:
    vector = face.embeddings.get(space) if face.is_recognisable else None
    return None if vector is None else [float(one) for one in vector]


def _landmarks(face: DetectedFace) -> list[list[int]] | None:
    """Left is the left of the picture there, and the person's own here."""
    of_face = face.landmarks
    points: list[Point | None] = [
        of_face.right_eye, of_face.left_eye, of_face.nose, of_face.mouth_right, of_face.mouth_left
    ]  # fmt: skip
    return [[round(at[0]), round(at[1])] for at in points if at] if all(points) else None
