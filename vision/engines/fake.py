"""An engine for tests: every saturated square on a grey picture is a face, and its colour is the person.

It works on real decoded pixels, so that rules can be tested in milliseconds with pictures drawn in the test:
the same colour in two pictures is the same person, different colours are strangers. Black pixels in a square are the
nose, and show which way the head is turned; white ones are the glare of a screen, which makes it a presented face. A
dim square is a face that cannot be recognised, any other is as recognisable as can be.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.engines.base import DlibPipeline, FaceChips, FaceEngine
from vision.types import Box, Detection, Image, Landmarks, ScoredBox, Space

DIM = 100  # the brightest value of a square's pixels, 0 to 255, from which it can be recognised


class FakeEngine(FaceEngine):
    """Squares of one colour, at least 8 pixels wide and separated by grey, are faces; the embedding is colour / 255.

    `antispoof`: whether it scores liveness.
    """

    def __init__(
        self, *, model: str = "Fake", dimensions: int = 4, delay: float = 0.0, antispoof: bool = False
    ) -> None:
        self.detector = "squares"
        self.antispoof = antispoof
        self.delay = delay
        thresholds = {"euclidean": 0.2, "cosine": 0.02, "euclidean_l2": 0.2, "angular": 0.064}
        self.space = Space(f"fake-{model.lower()}-{dimensions}", model, dimensions, "euclidean", thresholds)

    def load(self) -> None:
        """Nothing to load."""

    def detect(self, image: Image, *, detector: str | None = None) -> list[Detection]:
        time.sleep(self.delay)
        saturated = image.max(axis=2).astype(int) - image.min(axis=2) > 60
        columns = _runs(saturated.any(axis=0))
        squares = [(x0, y0, x1, y1) for x0, x1 in columns for y0, y1 in _runs(saturated[:, x0:x1].any(axis=1))]
        found = []
        for x0, y0, x1, y1 in squares:
            w, h = x1 - x0, y1 - y0
            if w < 8 or h < 8:
                continue
            black = np.argwhere(image[y0:y1, x0:x1].max(axis=2) < 60)
            nose = (x0 + float(black[:, 1].mean()), y0 + float(black[:, 0].mean())) if len(black) else None
            eyes = {"left_eye": (x0 + w * 0.7, y0 + h * 0.35), "right_eye": (x0 + w * 0.3, y0 + h * 0.35)}
            found.append(Detection(Box(x0, y0, w, h), 0.99, Landmarks(**eyes, nose=nose)))
        return found

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        vectors = np.ones((len(chips), self.space.dimensions), np.float32)
        for vector, chip in zip(vectors, chips, strict=True):
            vector[:3] = chip[chip.shape[0] // 2, chip.shape[1] // 2] / 255
        return vectors

    def rate_chips(self, chips: Sequence[FaceChips]) -> list[float | None]:
        return [0.0 if chip.quality.max() < DIM else 1.0 for chip in chips]

    def assesses_liveness(self) -> bool:
        return self.antispoof

    def liveness_crops(self, image: Image, detections: Sequence[Detection]) -> list[Image]:
        return self.chips(image, detections)

    def score_liveness(self, crops: Sequence[Image]) -> list[float | None]:
        if not self.antispoof:
            return [None] * len(crops)
        return [0.05 if crop.min(axis=2).max() > 200 else 0.95 for crop in crops]


class FakeDlibPipeline(DlibPipeline):
    """The squares of `FakeEngine` as dlib's detectors would report them; `hog` overlooks squares under 20 pixels."""

    def detect(self, image: Image, *, detector: str, upsample: int = 0) -> list[ScoredBox]:
        boxes = [found.box for found in FakeEngine().detect(image)]
        return [ScoredBox(box, 1.05) for box in boxes if detector == "mmod" or box.w >= 20]

    def landmarks(self, image: Image, box: Box, *, points: int) -> list[tuple[int, int]]:
        """Five points of an upright face in dlib's order, or as many around the middle."""
        shares = [(0.8, 0.35), (0.6, 0.35), (0.2, 0.35), (0.4, 0.35), (0.5, 0.6)]
        chosen = shares if points == 5 else [(0.5, index / points) for index in range(points)]
        return [(round(box.x + (box.w - 1) * x), round(box.y + (box.h - 1) * y)) for x, y in chosen]

    def descriptors(self, image: Image, faces: Sequence[Sequence[tuple[int, int]]]) -> NDArray[np.float32]:
        height, width = image.shape[:2]
        vectors = np.full((len(faces), 128), 0.25, np.float32)
        for row, points in zip(vectors, faces, strict=True):
            x, y = points[-1]
            row[:3] = image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)] / 256 + 0.001
        return vectors


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open intervals in which `flags` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
