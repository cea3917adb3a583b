"""The detectors by name, and how their answers become `Detection`s. Imports no model library.

Every detector gets the plain image, no larger than DETECTION_SIDE, and answers in pixels of that image.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np
from django.conf import settings

from vision.engines import dlib_hog, runtime, weights
from vision.engines.dlib_onnx import mmod
from vision.engines.onnx import detection, yunet
from vision.engines.weights import WeightFile
from vision.exceptions import UnknownName
from vision.types import Box, Detection, Image, Landmarks, ScoredBox

NOWHERE = Box(0, 0, 0, 0)
MIN_SIDE = 20  # pixels; smaller images show no face, and some detectors fail


@dataclass(frozen=True)
class FramedDetection(Detection):
    """A detection with the square in which landmarks are sought; unlike `box` it may reach beyond the image."""

    frame: Box = NOWHERE

    def scaled(self, factor: float) -> Self:
        return replace(super().scaled(factor), frame=self.frame.scaled(factor))


def hog_confidence(score: float) -> float:
    """dlib's HOG score (above 0, seldom over 3.5) on 0 to 1: 0.26 at 0.1, 0.95 at 1.0. Monotonic, no probability."""
    return 1 - math.exp(-3 * max(score, 0.0))


def mmod_confidence(score: float) -> float:
    """dlib's mmod score (above 0, 1 to 1.15 for most faces) on 0 to 1: 0.33 at 0.1, 0.98 at 1. Monotonic."""
    return 1 - math.exp(-4 * max(score, 0.0))


def haar_confidence(reported: float) -> float:
    """DeepFace reports `1 - weight / 100` for Haar cascades, which falls as the evidence grows; undo that."""
    return 1 - math.exp(-max(100 * (1 - reported), 0.0) / 2)


def clip_confidence(reported: float) -> float:
    return min(max(reported, 0.0), 1.0)


@dataclass(frozen=True)
class DetectorSpec:
    """A detector: its name (DeepFace's own where it has one), its weights, how its confidence is read and cut off."""

    name: str
    files: tuple[WeightFile, ...] = ()
    confidence: Callable[[float], float] = clip_confidence
    minimum: float = 0.0


def _yolo(name: str, url: str) -> DetectorSpec:
    return DetectorSpec(name, (WeightFile(f"{name}-face.pt", (url,)),))


YAPALAB = "https://github.com/YapaLab/yolo-face/releases/download/1.0.0/"
AKANAMETOV = "https://github.com/akanametov/yolo-face/releases/download/1.0.0/"
YOLO8 = _yolo("yolov8n", weights.DRIVE + "1qcr9DbgsX3ryrz2uU8w4Xm3cOrRywXqb")
YOLO_SOURCES = {
    YAPALAB: ("yolov8m", "yolov8l", "yolov11l", "yolov12n", "yolov12s", "yolov12m", "yolov12l"),
    AKANAMETOV: ("yolov11n", "yolov11s", "yolov11m"),
}
SSD_FILES = (
    WeightFile(
        "deploy.prototxt", ("https://github.com/opencv/opencv/raw/3.4.0/samples/dnn/face_detector/deploy.prototxt",)
    ),
    WeightFile(
        "res10_300x300_ssd_iter_140000.caffemodel",
        (
            "https://github.com/opencv/opencv_3rdparty/raw/dnn_samples_face_detector_20170830/"
            "res10_300x300_ssd_iter_140000.caffemodel",
        ),
    ),
)
CENTERFACE = WeightFile(
    "centerface.onnx", ("https://github.com/Star-Clouds/CenterFace/raw/master/models/onnx/centerface.onnx",)
)

# The cut-offs are measured: the lowest confidence of a true face was 0.95 (mtcnn) and 0.90 (opencv), that of most false
# ones 0.82 (mtcnn) and 0.62 to 0.82 (opencv).
DETECTORS: dict[str, DetectorSpec] = {
    "mmod": DetectorSpec("mmod", (weights.DLIB_MMOD,), confidence=mmod_confidence),
    "dlib": DetectorSpec("dlib", confidence=hog_confidence),
    "mtcnn": DetectorSpec("mtcnn", minimum=0.9),
    "opencv": DetectorSpec("opencv", confidence=haar_confidence, minimum=0.85),
    "ssd": DetectorSpec("ssd", SSD_FILES),
    "retinaface": DetectorSpec("retinaface", (weights.released("retinaface.h5"),)),
    "yunet": DetectorSpec("yunet", (weights.LIBFACEDETECTION,)),
    "centerface": DetectorSpec("centerface", (CENTERFACE,)),
    "mediapipe": DetectorSpec("mediapipe"),
    "fastmtcnn": DetectorSpec("fastmtcnn"),
    "yolov8": YOLO8,
    "yolov8n": YOLO8,
    **{name: _yolo(name, f"{base}{name}-face.pt") for base, names in YOLO_SOURCES.items() for name in names},
}


def detector_named(name: str) -> DetectorSpec:
    """The detector called `name`. Raises `UnknownName`."""
    if name not in DETECTORS:
        raise UnknownName(f"There is no detector {name!r}. Known: {', '.join(DETECTORS)}.", code="engine.unknown")
    return DETECTORS[name]


class Detector(ABC):
    """Finds faces in one RGB image. `shareable`: whether several threads may use it at a time."""

    shareable = False

    def largest(self, side: int) -> int:
        """The longest side that an image may have if `side` is requested."""
        return side

    def search(self, image: Image, *, side: int) -> list[Detection]:
        """Faces of a full image, searched in a copy of at most `side` pixels."""
        return find_faces(self, image, side=side)

    @abstractmethod
    def find(self, image: Image) -> list[FramedDetection]:
        """Faces in pixels of `image`; boxes as the detector gives them, landmarks where it has them."""


class MmodDetector(Detector):
    """dlib's mmod network on ONNX Runtime. It finds faces of 70 pixels and more.

    To find smaller ones, an image is enlarged DETECTION_ENLARGEMENT times, but to no more than `largest` pixels a side.
    """

    shareable = True

    def __init__(self) -> None:
        self._mmod = mmod.load()

    def largest(self, side: int) -> int:
        times: float = settings.DETECTION_ENLARGEMENT
        return round(side * times)

    def find(self, image: Image) -> list[FramedDetection]:
        import cv2

        most = self.largest(settings.DETECTION_SIDE) / max(image.shape[:2])
        factor = max(min(settings.DETECTION_ENLARGEMENT, most), 1)
        if factor > 1:
            image = cast(Image, cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR))
        return [self._read(found, factor) for found in self._mmod(image)]

    def _read(self, found: ScoredBox, factor: float) -> FramedDetection:
        return _detection(found.box.scaled(1 / factor), mmod_confidence(found.score), score=found.score)


class HogDetector(Detector):
    """dlib's HOG on the grey image, doubled: finds faces of 40 pixels and more."""

    def __init__(self) -> None:
        self._hog = dlib_hog.load()

    def find(self, image: Image) -> list[FramedDetection]:
        import cv2

        found = self._hog(cast(Image, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)), 1)
        return [_detection(face.box, hog_confidence(face.score), score=face.score) for face in found]


class YuNetDetector(Detector):
    """YuNet on ONNX Runtime, which looks as often as a photograph needs it (`vision.engines.onnx.detection`)."""

    shareable = True

    def __init__(self) -> None:
        self._network = yunet.load()

    def search(self, image: Image, *, side: int) -> list[Detection]:
        return [framed(face) for face in detection.find_faces(self._look, image, side=side)]

    def find(self, image: Image) -> list[FramedDetection]:
        return [framed(face) for face in self._look(image, detection.SCORE)]

    def _look(self, image: Image, score: float) -> list[Detection]:
        return self._network(image, threshold=score)


class DeepFaceDetector(Detector):
    """Any detector of DeepFace, called on the plain image (DeepFace itself pads it to four times the pixels)."""

    def __init__(self, spec: DetectorSpec) -> None:
        weights.require(spec.files)
        self._spec = spec
        self._client = runtime.build("face_detector", spec.name)

    def find(self, image: Image) -> list[FramedDetection]:
        found = [self._read(area) for area in self._client.detect_faces(np.ascontiguousarray(image[:, :, ::-1]))]
        return [d for d in found if d.confidence >= self._spec.minimum and d.box.area > 0]

    def _read(self, area: Any) -> FramedDetection:
        """`area`: deepface.models.Detector.FacialAreaRegion; its left and right are the person's."""
        names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
        found = {name: getattr(area, name, None) for name in names}
        points = Landmarks(**{name: None if at is None else (float(at[0]), float(at[1])) for name, at in found.items()})
        box = Box(int(area.x), int(area.y), max(int(area.w), 0), max(int(area.h), 0))
        return _detection(box, self._spec.confidence(float(area.confidence or 0)), points)


def _detection(
    box: Box, confidence: float, points: Landmarks | None = None, score: float | None = None
) -> FramedDetection:
    return framed(Detection(box, confidence, points or Landmarks(), score))


def framed(face: Detection) -> FramedDetection:
    """The face with the square of the same centre and area: dlib's predictors were trained on squares."""
    box, side = face.box, round(math.sqrt(face.box.area))
    frame = Box(round(box.x + (box.w - side) / 2), round(box.y + (box.h - side) / 2), side, side)
    return FramedDetection(box, round(face.confidence, 4), face.landmarks, face.score, face.turn, frame)


OWN: dict[str, type[Detector]] = {"mmod": MmodDetector, "dlib": HogDetector, "yunet": YuNetDetector}


def build(name: str) -> Detector:
    """The detector called `name`, loaded. Raises `UnknownName` or `EngineUnavailable`."""
    spec = detector_named(name)
    return OWN[name]() if name in OWN else DeepFaceDetector(spec)


def find_faces(detector: Detector, image: Image, *, side: int) -> list[Detection]:
    """Faces of the full `image`, searched in a copy of at most `side` pixels; from left to right, inside the image."""
    import cv2

    height, width = image.shape[:2]
    scale = min(detector.largest(side) / max(height, width), 1.0)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cast(Image, cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    if min(image.shape[:2]) < MIN_SIDE:
        return []
    found = [face.scaled(1 / scale) for face in detector.find(image)]
    found = [replace(face, box=face.box.within(width, height)) for face in found]
    return sorted((d for d in found if d.box.area > 0), key=lambda d: (d.box.x, d.box.y))
