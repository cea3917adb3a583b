"""Describes faces in two steps, so that the faces of several images share one run of each network.

`cut_faces` takes from an image what the networks see of its faces; the image is not needed any more then.
`describe` runs the networks over faces of any number of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision import images
from vision.engines import DEFAULT, attributes, engines
from vision.engines.base import FaceChips, FaceEngine
from vision.frames import fingerprint
from vision.quality import assess
from vision.types import Attributes, Box, DetectedFace, Detection, FrameFace, Image

if TYPE_CHECKING:
    from vision.inference import AnalysisOptions

ENOUGH = 150  # pixels of a face, of which no network sees more


@dataclass(frozen=True)
class CutFace:
    """A face that was found and cut out. `chips` are for the first engine, `others` for the further ones."""

    detection: Detection
    size: tuple[int, int]  # width and height of the image, pixels
    chip: Image
    chips: FaceChips
    others: list[Image]
    liveness: Any
    frame: FrameFace | None
    attributes: Attributes | None


def cut_faces(data: bytes, options: AnalysisOptions) -> tuple[list[CutFace], tuple[int, int]]:
    """The faces of an encoded image, from left to right, and its width and height, all in pixels of the photograph.

    Raises `InvalidImage` or `EngineUnavailable`.
    """
    engine, *others = (engines[alias] for alias in options.aliases or [DEFAULT])
    if options.whole == "always":
        image, found = images.decode(data), list[Detection]()
        size = (image.shape[1], image.shape[0])
    else:
        image, found, size = _search(data, engine, options.detector)
    if options.whole != "never" and not found:
        found = [Detection(Box(0, 0, image.shape[1], image.shape[0]), confidence=0.0)]
    chips = engine.chips(image, found)
    own, further = engine.face_chips(image, found), [other.model_chips(image, found) for other in others]
    crops = engine.liveness_crops(image, found) if options.liveness else [None] * len(found)
    expressions = engine.expressions(image, found) if options.frame else [None] * len(found)
    yaws = engine.yaws(image, found) if options.frame else [None] * len(found)
    guesses = attributes.estimate(image, found) if options.attributes else [None] * len(found)
    return [
        CutFace(
            detection=_in_photograph(face, image, size),
            size=size,
            chip=chips[i],
            chips=own[i],
            others=[of_one[i] for of_one in further],
            liveness=crops[i],
            frame=FrameFace(fingerprint(chips[i]), expressions[i], yaws[i]) if options.frame else None,
            attributes=guesses[i],
        )
        for i, face in enumerate(found)
    ], size


def _search(data: bytes, engine: FaceEngine, detector: str | None) -> tuple[Image, list[Detection], tuple[int, int]]:
    """An image with its faces in pixels of it, and the width and height of the photograph.

    Of a large JPEG file a reduced image is enough, unless it shows no face or a small one: then the whole photograph is
    searched.
    """
    image, size = images.decode_at_least(data, side=engine.detection_side(detector))
    found = engine.detect(image, detector=detector)
    is_reduced = image.shape[1] < size[0]
    if is_reduced and min((min(face.box.w, face.box.h) for face in found), default=0) < ENOUGH:
        image = images.decode(data)
        found = engine.detect(image, detector=detector)
    return image, found, size


def _in_photograph(face: Detection, image: Image, size: tuple[int, int]) -> Detection:
    """A face of an image in pixels of the photograph, inside it."""
    if image.shape[1] == size[0]:
        return face
    face = face.scaled(size[0] / image.shape[1])
    return replace(face, box=face.box.within(*size))


def describe(faces: Sequence[CutFace], options: AnalysisOptions) -> list[DetectedFace]:
    """What the networks tell of each face, in one batch for each network. Raises `EngineUnavailable`."""
    vectors, recognisable = _embeddings(faces, options.aliases)
    engine = engines[options.aliases[0] if options.aliases else DEFAULT]
    live = engine.score_liveness([face.liveness for face in faces]) if options.liveness else [None] * len(faces)
    return [
        DetectedFace(
            box=face.detection.box,
            confidence=face.detection.confidence,
            landmarks=face.detection.landmarks,
            quality=assess(face.detection, face.chip, recognisability=recognisable[i], size=face.size),
            liveness=live[i],
            embeddings={space: rows[i] for space, rows in vectors.items()},
            frame=face.frame,
            attributes=face.attributes,
            turn=face.detection.turn,
        )
        for i, face in enumerate(faces)
    ]


def _embeddings(
    faces: Sequence[CutFace], aliases: Sequence[str]
) -> tuple[dict[str, NDArray[np.float32]], list[float | None]]:
    """The embeddings (n, dimensions) by space, and how recognisable each face is."""
    chips = [face.chips for face in faces]
    if not aliases:
        return {}, engines[DEFAULT].rate_chips(chips)
    first, *others = (engines[alias] for alias in aliases)
    rows, recognisable = first.describe(chips)
    further = {
        other.space.name: other.embed_chips([face.others[number] for face in faces])
        for number, other in enumerate(others)
    }
    return {first.space.name: rows} | further, recognisable
