"""The contracts between the service and its face engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from vision import images
from vision.engines.weights import WeightFile
from vision.images import Limits
from vision.types import Box, Detection, Expression, Image, ScoredBox, Space


class FaceChips(NamedTuple):
    """What two networks see of a face: the one that embeds it, and the one that tells how recognisable it is."""

    model: Image
    quality: Image


class FaceEngine(ABC):
    """One detector, one alignment and one embedding model. Built once per process, and safe for several threads.

    Faces are cut out of their image first, and described afterwards, so that the faces of several images go through a
    network in one batch. `embed`, `recognisability` and `liveness` do both for one image.

    Constructing an engine is cheap and imports no model library (web processes construct engines to read `space`);
    `load` does the expensive part and runs in worker children only.
    """

    detector: str
    space: Space
    elsewhere: str = ""  # what runs the model, if it is not a device of this machine

    @abstractmethod
    def load(self) -> None:
        """Load the weights. Raises `EngineUnavailable` (code `engine.weights_missing`) when they are not in place."""

    @abstractmethod
    def detect(self, image: Image, *, detector: str | None = None) -> list[Detection]:
        """Faces of an RGB image, from left to right; `detector` overrides the engine's own for this call."""

    def detection_side(self, detector: str | None = None) -> int:
        """The longer side of an image, pixels, beyond which a first search sees no more."""
        return int(settings.DETECTION_SIDE)

    def model_chips(self, image: Image, detections: Sequence[Detection]) -> list[Image]:
        """The crop of each face as the model sees it. Defaults to `chips`."""
        return self.chips(image, detections)

    def face_chips(self, image: Image, detections: Sequence[Detection]) -> list[FaceChips]:
        """What `describe` needs of each face. Defaults to the model's crop for both."""
        return [FaceChips(chip, chip) for chip in self.model_chips(image, detections)]

    @abstractmethod
    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        """Embeddings (len(chips), dimensions) of faces cut out by `model_chips`, of one image or of several."""

    def rate_chips(self, chips: Sequence[FaceChips]) -> list[float | None]:
        """How recognisable each face is, 0 to 1 (`vision.recognisability`), or None where it is not assessed."""
        return [None] * len(chips)

    def describe(self, chips: Sequence[FaceChips]) -> tuple[NDArray[np.float32], list[float | None]]:
        """`embed_chips` and `rate_chips` in one, for engines where they share work."""
        return self.embed_chips([chip.model for chip in chips]), self.rate_chips(chips)

    def embed(self, image: Image, detections: Sequence[Detection]) -> NDArray[np.float32]:
        """Embeddings (len(detections), dimensions) in the order of `detections`."""
        return self.embed_chips(self.model_chips(image, detections))

    def recognisability(self, image: Image, detections: Sequence[Detection]) -> list[float | None]:
        """`rate_chips` of the faces of one image."""
        return self.rate_chips(self.face_chips(image, detections))

    def chips(self, image: Image, detections: Sequence[Detection]) -> list[Image]:
        """The aligned crop of each face, used for quality and to compare frames. Defaults to the plain boxes."""
        return [image[max(d.box.y, 0) : d.box.y + d.box.h, max(d.box.x, 0) : d.box.x + d.box.w] for d in detections]

    def liveness_crops(self, image: Image, detections: Sequence[Detection]) -> list[Any]:
        """What `score_liveness` needs of each face."""
        return [None] * len(detections)

    def score_liveness(self, crops: Sequence[Any]) -> list[float | None]:
        """Probability of a live person for each face, or None where the engine does not assess it."""
        return [None] * len(crops)

    def liveness(self, image: Image, detections: Sequence[Detection]) -> list[float | None]:
        """`score_liveness` of the faces of one image."""
        return self.score_liveness(self.liveness_crops(image, detections))

    def assesses_liveness(self) -> bool:
        """Whether `liveness` gives scores here. Cheap, because web processes call it."""
        return False

    def expressions(self, image: Image, detections: Sequence[Detection]) -> list[Expression | None]:
        """How open eyes and mouth of each face are, or None where no 68 landmarks are enabled."""
        return [None] * len(detections)

    def yaws(self, image: Image, detections: Sequence[Detection]) -> list[float | None]:
        """Degrees by which each face is turned, above 0 to the person's left; None where no network estimates them."""
        return [None] * len(detections)

    def files(self) -> tuple[WeightFile, ...]:
        """The weight files without which this engine cannot work."""
        return ()

    def missing_weights(self) -> list[str]:
        """Names of the weight files that are not in place; empty when the engine can be loaded."""
        return []


class DlibPipeline(ABC):
    """dlib's steps one by one, for callers that compare dlib's own descriptors (see `vision.types.RawFace`).

    Built once per process; constructing it is cheap, and the first call in a worker child loads what it needs.
    """

    def read(self, data: bytes, *, limits: Limits | None = None) -> Image:
        """The pixels of an encoded image. Raises like `vision.images.decode`."""
        return images.decode(data, limits=limits)

    @abstractmethod
    def detect(self, image: Image, *, detector: str, upsample: int = 0) -> list[ScoredBox]:
        """Faces in the detector's own order; `detector` is `mmod` or `hog`.

        `upsample`: how often the image is doubled before the search, as dlib does it; boxes are in pixels of `image`.
        """

    @abstractmethod
    def landmarks(self, image: Image, box: Box, *, points: int) -> list[tuple[int, int]]:
        """dlib's 5 or 68 points inside a box."""

    @abstractmethod
    def descriptors(self, image: Image, faces: Sequence[Sequence[tuple[int, int]]]) -> NDArray[np.float32]:
        """Descriptors (len(faces), 128) of the faces with these landmarks, not normalised."""

    def missing_weights(self, *, detectors: Sequence[str], points: int) -> list[str]:
        """Names of the weight files that such a call would lack."""
        return []
