"""dlib's detectors, landmarks and descriptor network with dlib's own numbers. Imports dlib with the first call."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vision import images
from vision.engines import weights
from vision.engines.base import FaceDescriber
from vision.engines.weights import WeightFile
from vision.images import Limits
from vision.types import Image, Rectangle

Found = list[tuple[Rectangle, float]]
T = TypeVar("T")

DETECTOR_FILES: dict[str, tuple[WeightFile, ...]] = {"mmod": (weights.DLIB_MMOD,), "hog": ()}
PREDICTOR_FILES = {5: weights.DLIB_5_POINTS, 68: weights.DLIB_68_POINTS}
CHIP_SIZE, CHIP_PADDING = 150, 0.25  # what the network was trained on; dlib's compute_face_descriptor cuts the same
DIMENSIONS = 128
MIN_SIDE = 20  # pixels; both detectors look through windows of 80


def files(*, points: int, detectors: Sequence[str] = tuple(DETECTOR_FILES)) -> list[WeightFile]:
    """What describing faces with these detectors and landmarks needs."""
    return [
        *(file for name in detectors for file in DETECTOR_FILES[name]),
        PREDICTOR_FILES[points],
        weights.DLIB_RESNET,
    ]


class MmodDetector:
    """dlib's max-margin detector on ONNX Runtime: dlib's rectangles, scores within 1e-4."""

    def __init__(self) -> None:
        from vision.engines.dlib_onnx import mmod

        self._mmod = mmod.load()

    def __call__(self, image: Image, upsample: int) -> Found:
        found = self._mmod(image, upsample)
        return [(Rectangle(face.left, face.top, face.right, face.bottom), face.score) for face in found]


class HogDetector:
    """dlib's HOG detector in colour. Two threads must not share it."""

    def __init__(self) -> None:
        import dlib

        self._hog = dlib.get_frontal_face_detector()

    def __call__(self, image: Image, upsample: int) -> Found:
        rectangles, scores, _ = self._hog.run(image, upsample)
        return [(_plain(rectangle), float(score)) for rectangle, score in zip(rectangles, scores, strict=True)]


class ResNet:
    """dlib's descriptor network on ONNX Runtime: dlib's descriptors within 1e-5, all faces of an image in one batch."""

    def __init__(self) -> None:
        from vision.engines.dlib_onnx.descriptor import Descriptor

        self._network = Descriptor()

    def __call__(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        """(n, 128) of aligned chips (150, 150, 3)."""
        return self._network(np.stack(chips))


class DlibFaces(FaceDescriber):
    """Detector, predictor and network by dlib, each built under a lock when it is first wanted."""

    detectors: dict[str, Callable[[], Callable[[Image, int], Found]]] = {"mmod": MmodDetector, "hog": HogDetector}
    network: Callable[[], Callable[[Sequence[Image]], NDArray[np.float32]]] = ResNet

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}
        self._lock = threading.RLock()

    def read(self, data: bytes, *, limits: Limits | None = None) -> Image:
        """A JPEG file that passed our own decoder is decoded once more by dlib.

        dlib carries another JPEG library, which spreads the colours of subsampled files differently: that moves
        landmarks by a pixel and descriptors by 0.02 to 0.06 (measured), for callers who have dlib's own stored.
        """
        image = images.decode(data, limits=limits)
        if not images.is_plain_jpeg(data, limits=limits):
            return image
        try:
            own = self._load(data)
        except RuntimeError:  # a kind of JPEG that it does not know
            return image
        return own if own.shape == image.shape else image

    def detect(self, image: Image, *, detector: str, upsample: int = 0) -> Found:
        if min(image.shape[:2]) < MIN_SIDE:
            return []
        with self._lock:
            found: Found = self._part(detector, self.detectors[detector])(image, upsample)
            return found

    def landmarks(self, image: Image, rectangle: Rectangle, *, points: int) -> list[tuple[int, int]]:
        predictor = self._part(f"{points} points", lambda: self._predictor(PREDICTOR_FILES[points]))
        shape = predictor(image, self._dlib.rectangle(*vars(rectangle).values()))
        return [(part.x, part.y) for part in shape.parts()]

    def descriptors(self, image: Image, faces: Sequence[Sequence[tuple[int, int]]]) -> NDArray[np.float32]:
        if not faces:
            return np.empty((0, DIMENSIONS), np.float32)
        chips = [self._chip(image, points) for points in faces]
        found: NDArray[np.float32] = self._part("network", type(self).network)(chips)
        return found

    def missing_weights(self, *, detectors: Sequence[str], points: int) -> list[str]:
        return weights.missing(files(points=points, detectors=detectors))

    def _load(self, data: bytes) -> Image:
        """dlib reads files only; this one lies in memory."""
        with os.fdopen(os.memfd_create("image"), "wb") as file:
            file.write(data)
            file.flush()
            image: Image = self._dlib.load_rgb_image(f"/proc/self/fd/{file.fileno()}")
            return image

    def _chip(self, image: Image, points: Sequence[tuple[int, int]]) -> Image:
        dlib = self._dlib
        shape = dlib.full_object_detection(dlib.rectangle(), [dlib.point(x, y) for x, y in points])
        chip: Image = dlib.get_face_chip(image, shape, size=CHIP_SIZE, padding=CHIP_PADDING)
        return chip

    def _predictor(self, file: WeightFile) -> Any:
        weights.verify([file])
        return self._dlib.shape_predictor(str(file.path))

    def _part(self, name: str, build: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._parts:
                self._parts[name] = build()
            part: T = self._parts[name]
            return part

    @cached_property
    def _dlib(self) -> Any:
        import dlib

        return dlib


def _plain(rectangle: Any) -> Rectangle:
    return Rectangle(rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom())
