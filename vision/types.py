"""What the engines return: plain immutable values, no Django, no HTTP."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (height, width, 3) RGB, upright
Embedding = NDArray[np.float32]  # (dimensions,)
Point = tuple[float, float]  # x, y in pixels of the full image

LEAST_RECOGNISABLE = 0.0095  # of a face about which something is decided; measured in docs/engines.md


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the full image; (x, y) is its top left corner.

    `left`, `top`, `right` and `bottom` are its outermost pixels, as dlib and its callers write rectangles.
    """

    x: int
    y: int
    w: int
    h: int

    @classmethod
    def from_edges(cls, left: int, top: int, right: int, bottom: int) -> Box:
        """The box whose outermost pixels these are."""
        return Box(left, top, right - left + 1, bottom - top + 1)

    @property
    def left(self) -> int:
        return self.x

    @property
    def top(self) -> int:
        return self.y

    @property
    def right(self) -> int:
        return self.x + self.w - 1

    @property
    def bottom(self) -> int:
        return self.y + self.h - 1

    @property
    def area(self) -> int:
        return self.w * self.h

    def within(self, width: int, height: int) -> Box:
        """The part of the box inside an image of this size; a side may be 0."""
        left, top = max(self.x, 0), max(self.y, 0)
        right, bottom = min(self.x + self.w, width), min(self.y + self.h, height)
        return Box(left, top, max(right - left, 0), max(bottom - top, 0))

    def scaled(self, factor: float) -> Box:
        """The box in pixels of an image that is `factor` times as large."""
        return Box(*(round(value * factor) for value in (self.x, self.y, self.w, self.h)))

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1, of the areas between the outermost pixels, as dlib measures them."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(width, 0) * max(height, 0)
        union = (self.w - 1) * (self.h - 1) + (other.w - 1) * (other.h - 1) - shared
        return shared / union if union else 0.0


@dataclass(frozen=True)
class ScoredBox:
    """A face as one of dlib's detectors reports it: the box may reach beyond the image; the score is above 0."""

    box: Box
    score: float


@dataclass(frozen=True)
class Landmarks:
    """Five points. Left and right are the person's own: on an upright face `left_eye` has the larger x."""

    left_eye: Point | None = None
    right_eye: Point | None = None
    nose: Point | None = None
    mouth_left: Point | None = None
    mouth_right: Point | None = None

    def five_points(self) -> NDArray[np.float32] | None:
        """(5, 2): right eye, left eye, nose, right and left corner of the mouth, or None unless all are known."""
        points = (self.right_eye, self.left_eye, self.nose, self.mouth_right, self.mouth_left)
        return np.array(points, np.float32) if all(points) else None

    @property
    def roll(self) -> float | None:
        """Degrees by which the line from the right to the left eye falls, in image coordinates (y downwards)."""
        if self.left_eye is None or self.right_eye is None:
            return None
        dx, dy = self.left_eye[0] - self.right_eye[0], self.left_eye[1] - self.right_eye[1]
        return math.degrees(math.atan2(dy, dx))


@dataclass(frozen=True)
class Quality:
    """How usable a face is. Each part is explained in `vision.quality`."""

    size: int  # shorter side of the face box, or of the square with the area of a tall one, pixels
    sharpness: float  # variance of the Laplacian on the aligned chip
    brightness: float  # mean luma of the aligned chip, 0 to 255
    yaw: float | None = None  # -1 (turned to the person's right) to 1, estimated from the landmarks
    roll: float | None = None  # degrees, once the photograph is turned upright (`Detection.turn`)
    recognisability: float | None = None  # 0 to 1, or None where it is not assessed; see `vision.recognisability`
    recognisability_reason: str | None = None  # a code that explains a low value; see `vision.quality`

    @property
    def is_recognisable(self) -> bool:
        """Whether anything is decided about the face; it is if its recognisability was not assessed."""
        return self.recognisability is None or self.recognisability >= LEAST_RECOGNISABLE


@dataclass(frozen=True)
class Detection:
    """One face as a detector reports it, before alignment.

    `confidence` lies in 0 to 1; `score` is the detector's own figure behind it, on its own scale, where it has one.
    `turn`: by how many degrees clockwise (0, 90, 180 or 270) the photograph must be turned to put the face upright.
    """

    box: Box
    confidence: float
    landmarks: Landmarks = field(default_factory=Landmarks)
    score: float | None = None
    turn: int = 0

    def scaled(self, factor: float) -> Self:
        """The face in pixels of an image that is `factor` times as large."""
        points = {name: at and (at[0] * factor, at[1] * factor) for name, at in vars(self.landmarks).items()}
        return replace(self, box=self.box.scaled(factor), landmarks=Landmarks(**points))


@dataclass(frozen=True)
class Expression:
    """Openness of eyes and mouth from 68 landmarks: height by width, closed near 0. The more closed eye counts."""

    eyes: float
    mouth: float


@dataclass(frozen=True)
class FrameFace:
    """What the faces of a sequence's frames are compared by; see `vision.frames`."""

    fingerprint: bytes  # of the aligned chip
    expression: Expression | None = None  # None where the 68-point predictor is not enabled
    yaw: float | None = None  # degrees, above 0 to the person's left; None where no network estimates it

    def to_json(self) -> dict[str, Any]:
        return {
            "fingerprint": b64encode(self.fingerprint).decode(),
            "expression": asdict(self.expression) if self.expression else None,
            "yaw": self.yaw,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FrameFace:
        expression = Expression(**data["expression"]) if data["expression"] else None
        return cls(b64decode(data["fingerprint"]), expression, data["yaw"])


@dataclass(frozen=True)
class Attributes:
    """What a network guesses from the looks of a face. Never stored. `gender_confidence`: 0.5 to 1."""

    age: int
    gender: str  # "female" or "male", the network knows no other
    gender_confidence: float


@dataclass(frozen=True)
class DetectedFace:
    """One face with everything that was asked for. `embeddings` maps a space's name to its vector."""

    box: Box
    confidence: float
    landmarks: Landmarks
    quality: Quality | None = None
    liveness: float | None = None  # probability that the face is a live person; None when not assessed
    embeddings: dict[str, Embedding] = field(default_factory=dict)
    frame: FrameFace | None = None  # for images that are frames of a sequence
    attributes: Attributes | None = None  # None unless they were asked for and are switched on
    turn: int = 0  # as in `Detection`

    @property
    def recognisability(self) -> float | None:
        """0 to 1, or None where it was not assessed; see `vision.recognisability`."""
        return self.quality.recognisability if self.quality else None

    @property
    def is_recognisable(self) -> bool:
        """Whether anything is decided about the face: who it is, or whether it is somebody."""
        return self.quality is None or self.quality.is_recognisable

    @property
    def recognisability_reason(self) -> str | None:
        """A code that explains a low recognisability."""
        return self.quality.recognisability_reason if self.quality else None

    def to_json(self) -> dict[str, Any]:
        """A JSON-safe form, for the way from a worker to the process that waits."""
        return asdict(self) | {
            "embeddings": {space: vector.tolist() for space, vector in self.embeddings.items()},
            "frame": self.frame.to_json() if self.frame else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DetectedFace:
        """The inverse of `to_json`."""
        points = {name: tuple(point) if point else None for name, point in data["landmarks"].items()}
        return cls(
            box=Box(**data["box"]),
            confidence=data["confidence"],
            landmarks=Landmarks(**points),
            quality=Quality(**data["quality"]) if data["quality"] else None,
            liveness=data["liveness"],
            embeddings={space: np.asarray(vector, np.float32) for space, vector in data["embeddings"].items()},
            frame=FrameFace.from_json(data["frame"]) if data.get("frame") else None,
            attributes=Attributes(**data["attributes"]) if data.get("attributes") else None,
            turn=data.get("turn", 0),
        )


@dataclass(frozen=True)
class Analysis:
    """The faces of one image, from left to right, and the image's size in pixels."""

    faces: list[DetectedFace]
    width: int
    height: int
    milliseconds: float  # time in the worker: decode, detect, align, embed

    def to_json(self) -> dict[str, Any]:
        return {
            "faces": [face.to_json() for face in self.faces],
            "width": self.width,
            "height": self.height,
            "milliseconds": self.milliseconds,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Analysis:
        return cls(**data | {"faces": [DetectedFace.from_json(face) for face in data["faces"]]})


@dataclass(frozen=True)
class RawFace:
    """A face exactly as dlib reports it: nothing clipped, scaled or normalised.

    `score` is the detector's own, None where the box was given; `landmarks` are dlib's 5 or 68 points in its order,
    whole pixels; `descriptor` has 128 numbers. `confirmed`: whether a second detector found the face too.
    """

    box: Box
    score: float | None
    landmarks: list[tuple[int, int]]
    descriptor: list[float]
    confirmed: bool | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RawFace:
        points = [(x, y) for x, y in data["landmarks"]]
        return cls(**data | {"box": Box(**data["box"]), "landmarks": points})


@dataclass(frozen=True)
class Space:
    """What makes two embeddings comparable, and how their distance is to be read.

    `name` identifies model, weights, alignment and normalisation; vectors of different names are never compared.
    `thresholds` maps each metric to the largest distance that still counts as the same person.
    """

    name: str
    model: str
    dimensions: int
    metric: str  # the metric that decides by default
    thresholds: dict[str, float]


@dataclass(frozen=True)
class Upload:
    """An encoded image as a caller sent it. `name` is the caller's file name, used for display only."""

    data: bytes
    name: str = ""
