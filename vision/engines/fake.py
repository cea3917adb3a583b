"""An engine for tests: every saturated square on a grey picture is a face, and its colour is the person.

It works on real decoded pixels, so that rules can be tested in milliseconds with pictures drawn in the test:
the same colour in two pictures is the same person, different colours are strangers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.engines.base import FaceEngine
from vision.types import Box, Detection, Image, Landmarks, Space


class FakeEngine(FaceEngine):
    """Squares of one colour, at least 8 pixels wide and separated by grey, are faces; the embedding is colour / 255."""

    def __init__(self, *, model: str = "Fake", dimensions: int = 4, delay: float = 0.0) -> None:
        self.detector = "squares"
        self.delay = delay
        thresholds = {"euclidean": 0.2, "cosine": 0.02, "euclidean_l2": 0.2, "angular": 0.064}
        self.space = Space(f"fake-{model.lower()}-{dimensions}", model, dimensions, "euclidean", thresholds)

    def load(self) -> None:
        """Nothing to load."""

    def detect(self, image: Image, *, detector: str | None = None) -> list[Detection]:
        time.sleep(self.delay)
        saturated = image.max(axis=2).astype(int) - image.min(axis=2) > 60
        columns = _runs(saturated.any(axis=0))
        found = [(x0, y0, x1, y1) for x0, x1 in columns for y0, y1 in _runs(saturated[:, x0:x1].any(axis=1))]
        return [_detection(*box) for box in found if box[2] - box[0] >= 8 and box[3] - box[1] >= 8]

    def embed(self, image: Image, detections: Sequence[Detection]) -> NDArray[np.float32]:
        colours = [image[d.box.y + d.box.h // 2, d.box.x + d.box.w // 2] / 255 for d in detections]
        vectors = np.ones((len(detections), self.space.dimensions), np.float32)
        if colours:
            vectors[:, :3] = colours
        return vectors


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open intervals in which `flags` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _detection(x0: int, y0: int, x1: int, y1: int) -> Detection:
    w, h = x1 - x0, y1 - y0
    landmarks = Landmarks(left_eye=(x0 + w * 0.7, y0 + h * 0.35), right_eye=(x0 + w * 0.3, y0 + h * 0.35))
    return Detection(Box(x0, y0, w, h), 0.99, landmarks)
