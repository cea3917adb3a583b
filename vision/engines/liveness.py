"""The probability that a face in a picture is a live person and not a print or a screen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from vision.engines import runtime, weights
from vision.engines.onnx import liveness as faceplugin
from vision.engines.weights import WeightFile
from vision.exceptions import EngineUnavailable
from vision.types import Box, Detection, Image

NAMES = ("fr_liveness", "fasnet")  # the networks that ANTISPOOF can name; by default the first that is permitted
SIDE = 80  # pixels of the crops of FasNet and of networks trained here
SCALE = 2.7  # how much around the face most networks see, in sizes of the face
FASNET_SCALES = (SCALE, 4.0)  # of its two networks
BATCH = 4  # crops of one run: more are slower on a processor, and an image can show a hundred faces


class Presence(ABC):
    """A network that distinguishes living faces from prints and screens."""

    @abstractmethod
    def crops(self, image: Image, faces: Sequence[Detection]) -> list[Any]:
        """What the network sees of each face of an RGB image."""

    @abstractmethod
    def score(self, crops: Sequence[Any]) -> list[float]:
        """The probability, 0 to 1, that each face is a live person; crops may be of several images."""

    def live(self, image: Image, faces: Sequence[Detection]) -> list[float]:
        """`score` of the faces of one image."""
        return self.score(self.crops(image, faces))


class FrLiveness(Presence):
    """Faceplugin's network: one crop, three classes, of which the first is live."""

    def __init__(self) -> None:
        weights.verify([weights.FR_LIVENESS])
        self._session = _opened(lambda: faceplugin.liveness_graph(weights.FR_LIVENESS.path.read_bytes()), "fr_liveness")

    def crops(self, image: Image, faces: Sequence[Detection]) -> list[Image]:
        return [crop_around(image, face, SCALE, faceplugin.SIDE) for face in faces]

    def score(self, crops: Sequence[Image]) -> list[float]:
        return [float(row[0]) for row in _answers(self._session, crops)]


class FasNet(Presence):
    """The two MiniFASNet networks of Silent-Face-Anti-Spoofing (minivision, Apache-2.0): print, live, screen.

    It is weak where the face fills the picture: both networks then see the same crop.
    """

    def __init__(self) -> None:
        weights.require(weights.FASNET)
        self._sessions = [_opened(file.path.read_bytes, file.name) for file in weights.FASNET]

    def crops(self, image: Image, faces: Sequence[Detection]) -> list[list[Image]]:
        """One for each of the two."""
        return [[crop_around(image, face, scale, SIDE) for scale in FASNET_SCALES] for face in faces]

    def score(self, crops: Sequence[Sequence[Image]]) -> list[float]:
        """The mean probability of the live class over both networks."""
        answers = []
        for number, session in enumerate(self._sessions):
            answers.append(_answers(session, [pair[number][:, :, ::-1].astype(np.float32) for pair in crops]))
        return [float((one[1] + other[1]) / 2) for one, other in zip(*answers, strict=True)]


class TrainedModel(Presence):
    """A network of `manage.py train_antispoof`: crops (n, 80, 80, 3) RGB float32 0 to 255 in, (n, 1) live out."""

    def __init__(self, path: Path) -> None:
        try:
            self._session: Any = runtime.open_session(path.read_bytes())
            _answers(self._session, [np.zeros((SIDE, SIDE, 3), np.float32)])[0][0]  # its shape is right
        except Exception as error:  # the runtime has a class of its own for each way a file can be wrong
            message = "The network that FACEAPP_ANTISPOOF_MODEL names is not one of `manage.py train_antispoof`."
            raise EngineUnavailable(message, code="engine.weights_broken") from error

    def crops(self, image: Image, faces: Sequence[Detection]) -> list[Image]:
        return [upright(surroundings(image, face.box), face.turn) for face in faces]

    def score(self, crops: Sequence[Image]) -> list[float]:
        return [float(row[0]) for row in _answers(self._session, [crop.astype(np.float32) for crop in crops])]


def surroundings(image: Image, box: Box, scale: float = SCALE) -> Image:
    """A crop (80, 80, 3) of `scale` times the face, smaller and shifted where the picture ends."""
    import cv2

    height, width = image.shape[:2]
    side = max(1, min(round(scale * max(box.w, box.h)), height, width))
    left = min(max(round(box.x + box.w / 2 - side / 2), 0), width - side)
    top = min(max(round(box.y + box.h / 2 - side / 2), 0), height - side)
    square = image[top : top + side, left : left + side]
    smooth = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return cast(Image, cv2.resize(square, (SIDE, SIDE), interpolation=smooth))


def crop_around(image: Image, face: Detection, scale: float, side: int) -> Image:
    """An upright crop (side, side, 3) of `scale` times the box of a face, cut as Silent-Face-Anti-Spoofing cuts it.

    It is smaller and shifted where the picture ends, and the box's shape is not kept: the networks were trained so.
    """
    import cv2

    height, width = image.shape[:2]
    box_width, box_height = max(face.box.w, 1), max(face.box.h, 1)
    scale = min(scale, (height - 1) / box_height, (width - 1) / box_width)
    across, down = box_width * scale, box_height * scale
    left = min(max(face.box.x + (box_width - across) / 2, 0), width - 1 - across)
    top = min(max(face.box.y + (box_height - down) / 2, 0), height - 1 - down)
    part = image[int(top) : int(top + down) + 1, int(left) : int(left + across) + 1]
    return upright(cast(Image, cv2.resize(part, (side, side))), face.turn)


def files() -> tuple[WeightFile, ...]:
    """The weights that this needs: none if the deployment has its own network or permits no other."""
    return {"fr_liveness": (weights.FR_LIVENESS,), "fasnet": weights.FASNET}.get(name(), ())


def name() -> str:
    """The network in use: the one that ANTISPOOF names, else the first that LICENCE permits; empty for none of them."""
    from vision.engines import cards, licences  # the cards read what every engine needs

    if settings.ANTISPOOF_MODEL or settings.ANTISPOOF:
        return "" if settings.ANTISPOOF_MODEL else str(settings.ANTISPOOF)
    permitted = {card.name for card in cards.CARDS if licences.is_permitted(card)}
    return next((name for name in NAMES if name in permitted), "")


def in_place() -> bool:
    """Whether a network for this is in place. Reads no file."""
    if settings.ANTISPOOF_MODEL:
        return Path(settings.ANTISPOOF_MODEL).is_file()
    needed = files()
    return bool(needed) and not weights.missing(needed)


def build() -> Presence:
    """The network of this deployment. Raises `EngineUnavailable`."""
    if settings.ANTISPOOF_MODEL:
        return TrainedModel(Path(settings.ANTISPOOF_MODEL))
    return FasNet() if name() == "fasnet" else FrLiveness()


def _opened(read: Callable[[], bytes], name: str) -> Any:
    """A session of the graph that `read` returns."""
    try:
        return runtime.open_session(read())
    except Exception as error:  # the runtime has a class of its own for each way a file can be wrong
        message = f"Model weights are damaged: {name}. Run `python manage.py fetch_models --liveness`."
        raise EngineUnavailable(message, code="engine.weights_broken") from error


def _answers(session: Any, crops: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
    """The row that a network with one input answers for each crop."""
    entry = session.get_inputs()[0].name
    batches = (np.stack(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH))
    return [row for batch in batches for row in session.run(None, {entry: batch})[0]]


def upright(crop: Image, turn: int) -> Image:
    """A crop of a photograph that must be turned clockwise by `turn` degrees."""
    return np.rot90(crop, -turn // 90)
