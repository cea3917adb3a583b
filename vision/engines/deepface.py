"""DeepFace's detectors and models, each face aligned as its model was trained; import-light until `load`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from vision.alignment import eye_levelled_chip, five_point_chip
from vision.engines import detectors, pose, runtime, weights
from vision.engines import liveness as passive
from vision.engines.base import FaceEngine
from vision.engines.landmarks import LandmarkFinder
from vision.engines.spaces import model_named, space_of
from vision.engines.weights import WeightFile
from vision.exceptions import EngineUnavailable
from vision.types import Detection, Expression, Image

logger = logging.getLogger(__name__)


class DeepFaceEngine(FaceEngine):
    """Any model and any detector that DeepFace knows by name. Raises `UnknownName` for others."""

    def __init__(self, *, model: str = "Dlib", detector: str = "mmod") -> None:
        self.model = model_named(model)
        self.space = space_of(model)
        self.detector = detector
        detectors.detector_named(detector)
        self._detectors: dict[str, detectors.Detector] = {}
        self._finder: LandmarkFinder | None = None
        self._presence: passive.Presence | None = None
        self._pose: pose.HeadPose | None = None
        self._lock = threading.RLock()  # detectors of OpenCV and dlib give wrong results when two threads share one

    def files(self) -> tuple[WeightFile, ...]:
        """The weight files without which this engine cannot work."""
        own = detectors.detector_named(self.detector).files
        return (*self.model.files, weights.DLIB_5_POINTS, *self._alignment_files(), *own)

    def missing_weights(self) -> list[str]:
        return weights.missing(self.files())

    def load(self) -> None:
        with self._lock:
            if self._finder is not None:
                return
            weights.verify(self.files())
            runtime.build("facial_recognition", self.space.model)
            self._detector(self.detector)
            self._presence = self._build_presence()
            self._pose = pose.build()
            self._finder = LandmarkFinder(full=bool(self._alignment_files()))

    def detect(self, image: Image, *, detector: str | None = None) -> list[Detection]:
        """Faces from left to right, boxes inside the image, with the landmarks that the detector or dlib finds."""
        self.load()
        with self._lock:
            found = detectors.find_faces(self._detector(detector or self.detector), image, side=settings.DETECTION_SIDE)
            return [replace(d, landmarks=self._landmarks.complete(image, d)) for d in found]

    def chips(self, image: Image, detections: Sequence[Detection]) -> list[Image]:
        self.load()
        return [self._chip(image, detection) for detection in detections]

    def embed(self, image: Image, detections: Sequence[Detection]) -> NDArray[np.float32]:
        """Embeddings (n, dimensions). DeepFace is given aligned BGR chips only, never the whole image."""
        if not detections:
            return np.empty((0, self.space.dimensions), np.float32)
        from deepface import DeepFace

        bgr = [np.ascontiguousarray(chip[:, :, ::-1]) for chip in self.chips(image, detections)]
        options = {"detector_backend": "skip", "enforce_detection": False, "align": False}
        with self._lock:
            answer = DeepFace.represent(bgr, model_name=self.space.model, **options)
        rows = answer if len(bgr) > 1 else [answer]
        return np.asarray([row[0]["embedding"] for row in rows], np.float32)

    def liveness(self, image: Image, detections: Sequence[Detection]) -> list[float | None]:
        """The probability of a live person for each face; None while the weights for it are not in place."""
        self.load()
        if self._presence is None:
            return [None] * len(detections)
        return list(self._presence.live(image, detections))

    def assesses_liveness(self) -> bool:
        return passive.in_place()

    def expressions(self, image: Image, detections: Sequence[Detection]) -> list[Expression | None]:
        self.load()
        if not settings.LIVENESS_68_POINTS:
            return [None] * len(detections)
        return [self._landmarks.expression(image, detection) for detection in detections]

    def yaws(self, image: Image, detections: Sequence[Detection]) -> list[float | None]:
        self.load()
        return list(self._pose.yaws(image, detections)) if self._pose else [None] * len(detections)

    def _build_presence(self) -> passive.Presence | None:
        """The network of passive scores. Faces are recognised even where it is broken."""
        try:
            return passive.build() if self.assesses_liveness() else None
        except EngineUnavailable as error:
            logger.error("There are no passive scores: %s", error.message)
            return None

    def _alignment_files(self) -> tuple[WeightFile, ...]:
        needed = self.model.alignment.kind == "arcface" or settings.LIVENESS_68_POINTS
        return (weights.DLIB_68_POINTS,) if needed else ()

    def _detector(self, name: str) -> detectors.Detector:
        if name not in self._detectors:
            self._detectors[name] = detectors.build(name)
        return self._detectors[name]

    @property
    def _landmarks(self) -> LandmarkFinder:
        return cast(LandmarkFinder, self._finder)

    def _chip(self, image: Image, detection: Detection) -> Image:
        align: Any = self.model.alignment
        if align.kind == "dlib":
            return self._landmarks.dlib_chip(image, detection, align.size[0], align.margin)
        if align.kind == "arcface":
            return five_point_chip(image, self._landmarks.five_points(image, detection), align.size)
        return eye_levelled_chip(image, detection.box, detection.landmarks, align.size, align.margin)
