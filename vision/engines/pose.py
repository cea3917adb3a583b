"""By how many degrees a head is turned to the side: Faceplugin's network, for the frames of liveness sessions.

Measured against the landmarks it replaces there in docs/liveness.md, "How a turn is measured".
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.engines import runtime, weights
from vision.engines.liveness import upright
from vision.engines.weights import WeightFile
from vision.exceptions import EngineUnavailable
from vision.types import Detection, Image

SIDE = 224  # pixels of a crop
MARGIN = 0.25  # of the box, on each of its sides
MEAN, DEVIATION = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)  # of ImageNet's pixels
CLASSES = 3 * np.arange(66, dtype=np.float32) - 99  # degrees of the classes of an angle
BIAS = -1.5  # degrees that the network sees in a face and in its mirror image alike

logger = logging.getLogger(__name__)


class HeadPose:
    """The network. Safe for several threads."""

    def __init__(self) -> None:
        weights.verify([weights.FR_POSE])
        self._session = runtime.open_session(weights.FR_POSE.path.read_bytes())

    def yaws(self, image: Image, faces: Sequence[Detection]) -> list[float]:
        """Degrees by which each face of an RGB image is turned: above 0 to the person's left, below to their right."""
        return [self._yaw(crop_with_margin(image, face)) for face in faces]

    def _yaw(self, crop: Image) -> float:
        """The network knows no batches."""
        planes = ((crop / np.float32(255) - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
        [scores] = self._session.run(["output"], {"input": planes})
        likely: NDArray[np.float32] = np.exp(scores[0] - scores[0].max())
        return round(BIAS - float(likely @ CLASSES / likely.sum()), 1)


def crop_with_margin(image: Image, face: Detection) -> Image:
    """The box and a quarter of it on each side, as far as the picture goes: (224, 224, 3), upright."""
    import cv2

    box, (height, width) = face.box, image.shape[:2]
    across, down = int(box.w * MARGIN), int(box.h * MARGIN)
    top = min(max(box.y - down, 0), height - 1)
    left = min(max(box.x - across, 0), width - 1)
    part = image[top : max(box.y + box.h + down, top + 1), left : max(box.x + box.w + across, left + 1)]
    return upright(np.asarray(cv2.resize(part, (SIDE, SIDE)), np.uint8), face.turn)


def files() -> tuple[WeightFile, ...]:
    """The weights that this needs; none where their licence is not permitted."""
    from vision.engines import licences  # the cards read what every engine needs

    return licences.permitted_files("fr_pose")


def build() -> HeadPose | None:
    """The network, or None where its weights are missing, damaged or not permitted: landmarks take its place."""
    if not files() or weights.missing(files()):
        return None
    try:
        return HeadPose()
    except EngineUnavailable as error:
        logger.error("Head pose is estimated from landmarks: %s", error.message)
        return None
