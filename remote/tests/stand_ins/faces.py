"""What a stand-in sees in an image: the faces that an engine of ours finds, and how near two of them are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from vision import images
from vision.distances import distance
from vision.engines.base import FaceEngine
from vision.types import Box, Embedding

LEAST_RECOGNISABLE = 0.05


@dataclass(frozen=True)
class Seen:
    """A face; `is_good`: whether a service would keep it."""

    box: Box
    vector: Embedding
    is_good: bool


@dataclass(frozen=True)
class Picture:
    """An image with its faces, the largest first; `width` and `height` in pixels."""

    width: int
    height: int
    faces: Sequence[Seen]


class Recogniser:
    """An engine, loaded in the process of the test; an image that it has seen is not looked at again."""

    def __init__(self, engine: FaceEngine) -> None:
        engine.load()
        self.engine = engine
        self._metric = engine.space.metric
        self._threshold = engine.space.thresholds[self._metric]
        self._known: dict[bytes, Picture] = {}

    def look(self, data: bytes) -> Picture:
        """Raises `InvalidImage`."""
        name = sha256(data).digest()
        if name not in self._known:
            self._known[name] = self._look(data)
        return self._known[name]

    def _look(self, data: bytes) -> Picture:
        image = images.decode(data)
        found = self.engine.detect(image)
        vectors = self.engine.embed(image, found) if found else np.empty((0, 1), np.float32)
        rated = self.engine.recognisability(image, found)
        seen = [
            Seen(one.box, vector, rate is None or rate > LEAST_RECOGNISABLE)
            for one, vector, rate in zip(found, vectors, rated, strict=True)
        ]
        return Picture(image.shape[1], image.shape[0], sorted(seen, key=lambda one: -one.box.area))

    def farness(self, one: Embedding, other: Embedding) -> float:
        """0 for equal faces, 1 at the engine's own threshold, more for strangers."""
        return distance(one, other, metric=self._metric) / self._threshold
