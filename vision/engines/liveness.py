"""The probability that a face in a picture is a live person and not a print or a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from vision.engines import runtime, weights
from vision.engines.weights import WeightFile
from vision.exceptions import EngineUnavailable
from vision.types import Box, Image

LIVE = 1  # of the classes print, live, screen
SCALES = (2.7, 4.0)  # how much around the face each of the two networks sees
SIDE = 80  # pixels of a crop


class Presence(Protocol):
    """A network that distinguishes living faces from prints and screens."""

    def live(self, image: Image, box: Box) -> float:
        """The probability, 0 to 1, that the face in `box` is a live person."""
        ...


class FasNet:
    """DeepFace's two MiniFASNet networks (Silent-Face-Anti-Spoofing, minivision, Apache-2.0)."""

    def __init__(self) -> None:
        networks = runtime.build("spoofing", "Fasnet")
        self._sessions = (networks.first_model, networks.second_model)

    def live(self, image: Image, box: Box) -> float:
        """Mean probability of the live class over both networks.

        DeepFace's own `antispoof_score` is that of the winning class, live or not, so it is not used.
        Weak where the face fills the picture: both networks then see the same crop.
        """
        from deepface.commons.onnx_utils import run_session
        from deepface.models.spoofing.FasNetUtils import crop

        bgr = np.ascontiguousarray(image[:, :, ::-1])
        around = (box.x, box.y, max(box.w, 1), max(box.h, 1))
        answers = [
            run_session(session, crop(bgr, around, scale, SIDE, SIDE))
            for session, scale in zip(self._sessions, SCALES, strict=True)
        ]
        return float(np.mean(answers, axis=0)[0, LIVE])


class TrainedModel:
    """A network of `manage.py train_antispoof`: crops (n, 80, 80, 3) RGB float32 0 to 255 in, (n, 1) live out."""

    def __init__(self, path: Path) -> None:
        try:
            self._session: Any = runtime.open_session(path.read_bytes())
            self._run(np.zeros((SIDE, SIDE, 3), np.uint8))[0, 0]  # its shape is right
        except Exception as error:  # the runtime has a class of its own for each way a file can be wrong
            message = "The network that FACEAPP_ANTISPOOF_MODEL names is not one of `manage.py train_antispoof`."
            raise EngineUnavailable(message, code="engine.weights_broken") from error

    def live(self, image: Image, box: Box) -> float:
        return float(self._run(surroundings(image, box))[0, 0])

    def _run(self, crop: Image) -> NDArray[np.float32]:
        answer: NDArray[np.float32]
        (answer,) = self._session.run(None, {"crops": crop[None].astype(np.float32)})
        return answer


def surroundings(image: Image, box: Box, scale: float = SCALES[0]) -> Image:
    """A crop (80, 80, 3) of `scale` times the face, smaller and shifted where the picture ends."""
    import cv2

    height, width = image.shape[:2]
    side = max(1, min(round(scale * max(box.w, box.h)), height, width))
    left = min(max(round(box.x + box.w / 2 - side / 2), 0), width - side)
    top = min(max(round(box.y + box.h / 2 - side / 2), 0), height - side)
    square = image[top : top + side, left : left + side]
    smooth = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return cast(Image, cv2.resize(square, (SIDE, SIDE), interpolation=smooth))


def files() -> tuple[WeightFile, ...]:
    """The weights that this needs: none if the deployment has its own network or does not permit the licence."""
    from vision.engines import cards, licences  # the cards read what every engine needs

    own = settings.ANTISPOOF_MODEL
    return () if own or not licences.is_permitted(cards.FASNET) else weights.FASNET


def in_place() -> bool:
    """Whether a network for this is in place. Reads no file."""
    if settings.ANTISPOOF_MODEL:
        return Path(settings.ANTISPOOF_MODEL).is_file()
    needed = files()
    return bool(needed) and not weights.missing(needed)


def build() -> Presence:
    """The network of this deployment: its own, or FasNet. Raises `EngineUnavailable`."""
    return TrainedModel(Path(settings.ANTISPOOF_MODEL)) if settings.ANTISPOOF_MODEL else FasNet()
