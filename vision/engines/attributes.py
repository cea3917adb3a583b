"""Age and gender of faces, as two small networks of Cydral Technology (CC0) guess them from its looks.

Off unless an administrator switches it on, for the answer of a detection only; nothing stores it (docs/engines.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from vision.engines import runtime, weights
from vision.engines.weights import WeightFile
from vision.types import Attributes, Detection, Image

EYES = np.array([[0.305, 0.301], [0.681, 0.301]])  # right and left one in a chip, as shares of its side
AGE_SIDE, GENDER_SIDE = 64, 32  # pixels of the chips
LARGER = 4  # times the chip that is cut out first, so that large photographs are reduced by means of pixels
MEANS, SCALE = np.array([122.782, 117.001, 104.298], np.float32), np.float32(256)
AGES = np.array([0.25, *range(1, 81)], np.float32)  # years of the classes


def files() -> tuple[WeightFile, ...]:
    """The weights that this needs; none where it is switched off."""
    return (weights.AGE, weights.GENDER) if settings.AGE_AND_GENDER else ()


def estimate(image: Image, faces: Sequence[Detection]) -> list[Attributes | None]:
    """Age and gender of each face of an RGB image; None for a face without eyes. Raises `EngineUnavailable`."""
    chips = [_chip(image, face) for face in faces]
    seen = [chip for chip in chips if chip is not None]
    if not seen:
        return [None] * len(faces)
    age, gender = _networks()
    years = _probabilities(age, seen, AGE_SIDE) @ AGES
    women = _probabilities(gender, seen, GENDER_SIDE)[:, 0]
    found = (
        Attributes(age=round(float(year)), gender="female" if woman > 0.5 else "male",
                   gender_confidence=round(float(max(woman, 1 - woman)), 3))
        for year, woman in zip(years, women, strict=True)
    )  # fmt: skip
    return [None if chip is None else next(found) for chip in chips]


@lru_cache(maxsize=1)
def _networks() -> tuple[Any, Any]:
    weights.verify([weights.AGE, weights.GENDER])
    return (
        runtime.open_session(weights.AGE.path.read_bytes()),
        runtime.open_session(weights.GENDER.path.read_bytes()),
    )


def _chip(image: Image, face: Detection) -> Image | None:
    """An upright chip (256, 256, 3) with both eyes where dlib's own chips have them."""
    import cv2

    right, left = face.landmarks.right_eye, face.landmarks.left_eye
    if right is None or left is None or right == left:
        return None
    (x0, y0), (x1, y1) = EYES * AGE_SIDE * LARGER
    seen, wanted = complex(*left) - complex(*right), complex(x1, y1) - complex(x0, y0)
    turn = wanted / seen  # a turn and a scale
    shift = complex(x0, y0) - turn * complex(*right)
    matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    side = AGE_SIDE * LARGER
    return cast(Image, cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR))


def _probabilities(session: Any, chips: Sequence[Image], side: int) -> NDArray[np.float32]:
    """(n, classes), reduced chips in and probabilities out."""
    import cv2

    small = np.stack([cv2.resize(chip, (side, side), interpolation=cv2.INTER_AREA) for chip in chips])
    planes = np.ascontiguousarray(((small - MEANS) / SCALE).transpose(0, 3, 1, 2), np.float32)
    answer: NDArray[np.float32] = session.run(None, {"images": planes})[0]
    return answer
