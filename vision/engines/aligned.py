"""What every engine with real networks shares: detectors by name, alignment, and what is known of a face besides."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from django.conf import settings

from vision.alignment import DLIB_CHIP_POINTS, eye_levelled_chip, five_point_chip, templates
from vision.engines import detectors, pose, weights
from vision.engines import liveness as passive
from vision.engines.base import FaceChips, FaceEngine
from vision.engines.landmarks import LandmarkFinder
from vision.engines.model import DLIB_CHIP, POINTS, Alignment, Model
from vision.engines.onnx import quality_network
from vision.engines.onnx.recognisers import Recogniser
from vision.engines.spaces import model_named, space_of
from vision.engines.weights import WeightFile
from vision.exceptions import EngineUnavailable
from vision.recognisability import recognisability
from vision.turns import turned_face, turned_image
from vision.types import Detection, Expression, Image

logger = logging.getLogger(__name__)
WITH_FIVE_POINTS = {"yunet", "mtcnn"}  # detectors whose faces need no landmarks of dlib for five-point alignment


class AlignedEngine(FaceEngine):
    """A detector and a model by name; `embed_chips` and `_load_model` are those of a subclass. Raises `UnknownName`.

    `described`: the model itself, where it is none of those that are known by name.
    """

    def __init__(self, *, model: str, detector: str, described: Model | None = None) -> None:
        self.model = described or model_named(model)
        self.space = space_of(model, self.model)
        self.detector = detector
        detectors.detector_named(detector)
        self._detectors: dict[str, detectors.Detector] = {}
        self._finder: LandmarkFinder | None = None
        self._presence: passive.Presence | None = None
        self._quality: Recogniser | None = None
        self._pose: pose.HeadPose | None = None
        self._loaded = False
        self._lock = threading.RLock()  # detectors of OpenCV and dlib give wrong results when two threads share one

    @abstractmethod
    def _load_model(self) -> None:
        """Load the model that embeds; its files are in place."""

    def files(self) -> tuple[WeightFile, ...]:
        """The weight files without which this engine cannot work."""
        own = detectors.detector_named(self.detector).files
        return tuple(dict.fromkeys((*self._model_files(), *self._landmark_files(), *own)))

    def _model_files(self) -> tuple[WeightFile, ...]:
        """The weights of the model; none where it runs elsewhere."""
        return self.model.files

    def missing_weights(self) -> list[str]:
        return weights.missing(self.files())

    def load(self) -> None:
        with self._lock:
            if self._loaded:
                return
            weights.verify(self.files())
            self._load_model()
            self._detector(self.detector)
            self._presence = self._build_presence()
            self._quality = self._build_quality()
            self._pose = pose.build()
            if self._landmark_files():
                self._landmarks()
            self._loaded = True

    def detect(self, image: Image, *, detector: str | None = None) -> list[Detection]:
        """Faces from left to right, boxes inside the image, with the landmarks that the detector or dlib finds."""
        self.load()
        seeker = self._detector(detector or self.detector)
        with nullcontext() if seeker.shareable else self._lock:
            found = seeker.search(image, side=settings.DETECTION_SIDE)
        return [self._completed(image, face) for face in found]

    def detection_side(self, detector: str | None = None) -> int:
        self.load()
        with self._lock:
            return self._detector(detector or self.detector).largest(settings.DETECTION_SIDE)

    def chips(self, image: Image, detections: Sequence[Detection]) -> list[Image]:
        """The aligned crop of each face, upright, at the scale of dlib's chip where the model allows it."""
        self.load()
        return self._each(self._chip, image, detections)

    def model_chips(self, image: Image, detections: Sequence[Detection]) -> list[Image]:
        """The aligned crop of each face, upright, as the model sees it."""
        self.load()
        return self.cut(image, detections)

    def cut(self, image: Image, detections: Sequence[Detection]) -> list[Image]:
        """`model_chips`, before the engine is loaded."""
        return self._each(self._crop, image, detections)

    def face_chips(self, image: Image, detections: Sequence[Detection]) -> list[FaceChips]:
        """The quality network's crop is cut where it is in use and differs from the model's."""
        chips = self.model_chips(image, detections)
        if self._quality is None or self.model.alignment == POINTS:
            return [FaceChips(chip, chip) for chip in chips]
        five_points = self._each(self._five_point_crop, image, detections)
        return [FaceChips(*pair) for pair in zip(chips, five_points, strict=True)]

    def rate_chips(self, chips: Sequence[FaceChips]) -> list[float | None]:
        self.load()
        if self._quality is None or not chips:
            return [None] * len(chips)
        crops = [chip.quality for chip in chips]
        return [*map(recognisability, self._quality(crops)[1], crops)]

    def liveness_crops(self, image: Image, detections: Sequence[Detection]) -> list[Any]:
        self.load()
        return self._presence.crops(image, detections) if self._presence else [None] * len(detections)

    def score_liveness(self, crops: Sequence[Any]) -> list[float | None]:
        """The probability of a live person for each face; None while the weights for it are not in place."""
        self.load()
        return [*self._presence.score(crops)] if self._presence else [None] * len(crops)

    def assesses_liveness(self) -> bool:
        return passive.in_place()

    def expressions(self, image: Image, detections: Sequence[Detection]) -> list[Expression | None]:
        self.load()
        if not settings.LIVENESS_68_POINTS:
            return [None] * len(detections)
        return [*self._each(self._landmarks().expression, image, detections)]

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

    def _build_quality(self) -> Recogniser | None:
        """The network of recognisability. Faces are recognised even where it is broken."""
        try:
            return quality_network.load() if quality_network.in_place() else None
        except EngineUnavailable as error:
            logger.error("Recognisability is not assessed: %s", error.message)
            return None

    def _landmark_files(self) -> tuple[WeightFile, ...]:
        """What the alignment of this engine's own faces needs."""
        kind = self.model.alignment.kind
        own_points = kind == "points" and self.detector in WITH_FIVE_POINTS
        five = () if own_points and not settings.LIVENESS_68_POINTS else (weights.DLIB_5_POINTS,)
        all_68 = (weights.DLIB_68_POINTS,) if kind == "arcface" or settings.LIVENESS_68_POINTS else ()
        return (*five, *all_68)

    def _landmarks(self) -> LandmarkFinder:
        """dlib's predictors, loaded with the first face that needs them."""
        with self._lock:
            if self._finder is None:
                full = weights.DLIB_68_POINTS in self._landmark_files()
                weights.verify([weights.DLIB_5_POINTS])
                self._finder = LandmarkFinder(full=full)
            return self._finder

    def _detector(self, name: str) -> detectors.Detector:
        with self._lock:
            if name not in self._detectors:
                self._detectors[name] = detectors.build(name)
            return self._detectors[name]

    def _completed(self, image: Image, face: Detection) -> Detection:
        if face.landmarks.five_points() is not None:
            return face
        return replace(face, landmarks=self._landmarks().complete(image, face))

    def _each(self, cut: Callable[[Image, Detection], Any], image: Image, detections: Sequence[Detection]) -> list[Any]:
        """`cut` of each face, in the photograph turned so that the face is upright."""
        upright = {turn: turned_image(image, turn) for turn in {face.turn for face in detections}}
        size = image.shape[1], image.shape[0]
        return [cut(upright[face.turn], _framed(face, size) if face.turn else face) for face in detections]

    def _crop(self, image: Image, face: Detection) -> Image:
        align: Alignment = self.model.alignment
        if align.kind == POINTS.kind:
            return self._five_point_crop(image, face, align)
        return self._chip(image, face)

    def _chip(self, image: Image, face: Detection) -> Image:
        align: Alignment = self.model.alignment
        if align.kind == "points" and (points := face.landmarks.five_points()) is not None:
            return five_point_chip(image, points, DLIB_CHIP.size, DLIB_CHIP_POINTS)
        if align.kind in ("dlib", "points"):
            return self._landmarks().dlib_chip(image, face, DLIB_CHIP.size[0], DLIB_CHIP.margin)
        if align.kind == "arcface":
            return five_point_chip(image, self._landmarks().five_points(image, face), align.size)
        return eye_levelled_chip(image, face.box, face.landmarks, align.size, align.margin)

    def _five_point_crop(self, image: Image, face: Detection, align: Alignment = POINTS) -> Image:
        """By the detector's own five points or, where it has none, by dlib's."""
        template, template_of_dlib = templates(align.size, align.template)
        points = face.landmarks.five_points()
        if points is not None:
            return five_point_chip(image, points, align.size, template)
        return five_point_chip(image, self._landmarks().corners(image, face), align.size, template_of_dlib)


def _framed(face: Detection, size: tuple[int, int]) -> Detection:
    return detectors.framed(turned_face(face, size=size, turn=face.turn))
