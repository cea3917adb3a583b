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
from vision.engines import dlib_hog, weights
from vision.engines.base import DlibPipeline
from vision.engines.dlib_onnx import mmod
from vision.engines.dlib_onnx.descriptor import DescriptorNetwork
from vision.engines.weights import WeightFile
from vision.images import Limits
from vision.types import Box, Image, ScoredBox

T = TypeVar("T")
Detect = Callable[[Image, int], list[ScoredBox]]  # an image, and how often it is doubled

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


class NativeDlibPipeline(DlibPipeline):
    """Detector, predictor and network of dlib, each built under a lock when it is first needed.

    mmod and the descriptor network run on ONNX Runtime: dlib's rectangles, scores within 1e-4, descriptors within 1e-5.
    """

    detectors: dict[str, Callable[[], Detect]] = {"mmod": mmod.load, "hog": dlib_hog.load}
    network: Callable[[], Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = DescriptorNetwork

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
            with os.fdopen(os.memfd_create("image"), "wb") as file:  # dlib reads files only
                file.write(data)
                file.flush()
                own: Image = self._dlib.load_rgb_image(f"/proc/self/fd/{file.fileno()}")
        except RuntimeError:  # a kind of JPEG that it does not know
            return image
        return own if own.shape == image.shape else image

    def detect(self, image: Image, *, detector: str, upsample: int = 0) -> list[ScoredBox]:
        if min(image.shape[:2]) < MIN_SIDE:
            return []
        with self._lock:
            return self._part(detector, self.detectors[detector])(image, upsample)

    def landmarks(self, image: Image, box: Box, *, points: int) -> list[tuple[int, int]]:
        def build() -> Any:
            weights.verify([PREDICTOR_FILES[points]])
            return self._dlib.shape_predictor(str(PREDICTOR_FILES[points].path))

        rectangle = self._dlib.rectangle(box.left, box.top, box.right, box.bottom)
        shape = self._part(f"{points} points", build)(image, rectangle)
        return [(part.x, part.y) for part in shape.parts()]

    def descriptors(self, image: Image, faces: Sequence[Sequence[tuple[int, int]]]) -> NDArray[np.float32]:
        if not faces:
            return np.empty((0, DIMENSIONS), np.float32)
        dlib = self._dlib
        chips = []
        for points in faces:
            shape = dlib.full_object_detection(dlib.rectangle(), [dlib.point(x, y) for x, y in points])
            chips.append(dlib.get_face_chip(image, shape, size=CHIP_SIZE, padding=CHIP_PADDING))
        return self._part("network", type(self).network)(np.stack(chips))

    def missing_weights(self, *, detectors: Sequence[str], points: int) -> list[str]:
        return weights.missing(files(points=points, detectors=detectors))

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
