"""A person as a line of JSON, and back. Archives come from elsewhere, so every field that is read is checked.

Embeddings are half-precision numbers, little endian, in base64, not rotated: each client has a rotation of its own.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np

from errors import InvalidInput
from vectors.stored import LONGEST
from vision.types import Embedding, Quality

IMAGE = re.compile(r"images/[0-9a-f]{64}\.[a-z]{3,4}")
HALF = np.dtype("<f2")
LONGEST_SPACE = 100  # characters, as the table has it
LONGEST_NOTE = 255
LONGEST_VECTOR = 16_000  # numbers, as the column takes


class BadRecord(InvalidInput):
    """A record of an archive that is not a valid person."""

    code = "archive.bad_record"


@dataclass(frozen=True)
class ImageRecord:
    """A face: the archive's entry with the photograph that shows it, and its embedding by the name of each space.

    `file` is None for a face without a picture, which is known by its embeddings alone, such as a face of an album
    that keeps no files; it has at least one embedding.
    """

    file: str | None
    original_name: str
    width: int
    height: int
    box: tuple[int, int, int, int]  # x, y, w, h
    confidence: float
    created_at: datetime
    is_primary: bool = False
    quality: dict[str, Any] = field(default_factory=dict)
    embeddings: dict[str, Embedding] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """The SHA-256 of the photograph, which is the entry's name; empty without one."""
        return (self.file or "").removeprefix("images/").partition(".")[0]

    @property
    def fingerprints(self) -> set[str]:
        """What identifies the face on a repeated import: the photograph's hash, or without one its embeddings."""
        if self.file:
            return {self.content_hash}
        return {fingerprint(space, vector) for space, vector in self.embeddings.items()}

    @property
    def known_quality(self) -> Quality | None:
        """The face's quality, or None if the exporting service measured something else."""
        required = {part.name for part in fields(Quality) if part.default is MISSING}
        if not required <= self.quality.keys() <= {part.name for part in fields(Quality)}:
            return None
        reason, numbers = self.quality.get("recognisability_reason"), dict(self.quality)
        numbers.pop("recognisability_reason", None)
        known = (value is None or (type(value) in (int, float) and math.isfinite(value)) for value in numbers.values())
        return Quality(**self.quality) if all(known) and (reason is None or type(reason) is str) else None

    @classmethod
    def of_json(cls, found: object) -> ImageRecord:
        """Raises ValueError or TypeError."""
        data = _object(found, cls)
        file: str | None = _typed(data["file"], str, type(None))
        if file is not None and not IMAGE.fullmatch(file):
            raise ValueError("not an image of the archive")
        embeddings = {_space(name): _vector(text) for name, text in _typed(data["embeddings"], dict).items()}
        if not file and not embeddings:
            raise ValueError("neither a picture nor an embedding")
        x, y, w, h = (_whole(side) for side in _typed(data["box"], list))
        return cls(
            file=file,
            original_name=_typed(data["original_name"], str),
            width=_size(data["width"], least=1 if file else 0),
            height=_size(data["height"], least=1 if file else 0),
            box=(x, y, w, h),
            confidence=_finite(data["confidence"]),
            created_at=_moment(data["created_at"]),
            is_primary=_typed(data["is_primary"], bool),
            quality=_typed(data["quality"], dict),
            embeddings=embeddings,
        )


@dataclass(frozen=True)
class PersonRecord:
    """A person with faces, oldest first."""

    external_id: str | None
    source: str
    name: str
    metadata: dict[str, Any]
    created_at: datetime
    legal_basis: str = ""
    images: tuple[ImageRecord, ...] = ()

    def to_line(self) -> bytes:
        """One line of JSON with its end."""
        images = []
        for image in self.images:
            halves = {space: vector.astype(HALF).tobytes() for space, vector in image.embeddings.items()}
            embeddings = {space: base64.b64encode(half).decode() for space, half in halves.items()}
            images.append(_shallow(image) | {"embeddings": embeddings})
        data = _shallow(self) | {"images": images}
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> PersonRecord:
        """The inverse of `to_line`. Raises `BadRecord`."""
        try:
            data = _object(json.loads(line, parse_constant=_no_number), cls)
            return cls(
                external_id=_typed(data["external_id"], str, type(None)),
                source=_typed(data["source"], str),
                name=_typed(data["name"], str),
                metadata=_typed(data["metadata"], dict),
                created_at=_moment(data["created_at"]),
                legal_basis=_typed(data["legal_basis"], str),
                images=tuple(ImageRecord.of_json(image) for image in _typed(data["images"], list)),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadRecord("The archive contains a record that is not a valid person.") from error


@dataclass(frozen=True)
class CalibrationRecord:
    """A client's threshold in a space, as in `calibration.models.SpaceCalibration`."""

    space: str
    metric: str
    threshold: float
    false_match_rate: float | None
    note: str

    @classmethod
    def of_json(cls, found: object) -> CalibrationRecord:
        """Raises `BadRecord`."""
        try:
            data = _object(found, cls)
            return cls(
                space=_space(_typed(data["space"], str)),
                metric=_typed(data["metric"], str),
                threshold=_finite(data["threshold"]),
                false_match_rate=_typed(data["false_match_rate"], float, int, type(None)),
                note=_typed(data["note"], str)[:LONGEST_NOTE],
            )
        except (ValueError, TypeError) as error:
            raise BadRecord("The archive contains an invalid calibration.") from error


def fingerprint(space: str, vector: Embedding) -> str:
    """Identifies an embedding by its space and its numbers in half precision."""
    return f"{space}:{sha256(vector.astype(HALF).tobytes()).hexdigest()}"


def _shallow(record: PersonRecord | ImageRecord) -> dict[str, Any]:
    plain = {f.name: getattr(record, f.name) for f in fields(record)}
    return plain | {"created_at": record.created_at.isoformat()}


def _object(found: object, cls: type) -> Mapping[str, Any]:
    """A JSON object with exactly the fields of `cls`."""
    data: Mapping[str, Any] = _typed(found, dict)
    if data.keys() != {f.name for f in fields(cls)}:
        raise ValueError("other fields than expected")
    return data


def _typed(value: Any, *kinds: type) -> Any:
    """The value itself. Raises TypeError unless it has exactly one of these types: true is not a number."""
    if type(value) not in kinds:
        raise TypeError(f"{type(value)} is none of {kinds}")
    return value


def _whole(value: Any) -> int:
    """A whole number that the table's columns hold."""
    if not abs(_typed(value, int)) < 1 << 31:
        raise ValueError("too large")
    return int(value)


def _size(value: Any, *, least: int) -> int:
    if _whole(value) < least:
        raise ValueError("no size of an image")
    return int(value)


def _finite(value: Any) -> float:
    if not math.isfinite(_typed(value, float, int)):
        raise ValueError("not finite")
    return float(value)


def _no_number(text: str) -> float:
    """JSON has neither NaN nor Infinity, but Python's parser accepts both."""
    raise ValueError(text)


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(_typed(text, str))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


def _space(name: str) -> str:
    if not 0 < len(name) <= LONGEST_SPACE or "\0" in name:
        raise ValueError("no name of a space")
    return name


def _vector(text: Any) -> Embedding:
    raw = base64.b64decode(_typed(text, str), validate=True)
    vector = np.frombuffer(raw, HALF).astype(np.float32)
    if not 0 < len(vector) <= LONGEST_VECTOR or not np.linalg.norm(vector) <= LONGEST:  # also without NaN
        raise ValueError("no embedding")
    return vector
