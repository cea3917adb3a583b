"""A network that somebody described is tried before it is used: a face must be nearer to itself than to another.

The photographs are portraits in the public domain, 224 x 224: Eileen Collins (NASA) and Grace Hopper (US Navy).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vision import images
from vision.exceptions import EngineUnavailable
from vision.types import Box, Detection, Image, Landmarks, Space

FOLDER = Path(__file__).with_name("faces")
# Boxes and points as YuNet finds them.
COLLINS = Detection(
    Box(61, 48, 105, 127), 1.0,
    Landmarks((137.70, 97.44), (86.44, 97.45), (110.06, 123.72), (135.92, 141.77), (89.40, 141.71)),
)  # fmt: skip
HOPPER = Detection(
    Box(53, 44, 113, 130), 1.0,
    Landmarks((137.35, 93.26), (86.16, 93.26), (112.99, 121.15), (135.38, 140.80), (88.66, 140.36)),
)  # fmt: skip
DARKER = 0.85  # than the photograph is its copy, which is mirrored too
SAME_TWICE = 1e-3  # the largest difference of a number between two runs, by half precision or another batch

Embed = Callable[[Sequence[Image]], NDArray[np.float32]]
Cut = Callable[[Image, Sequence[Detection]], list[Image]]


def require_faces_told_apart(*, space: Space, cut: Cut, embed: Embed) -> None:
    """Raise `EngineUnavailable` (`engine.trial_failed`) unless two people are told apart as `space` says.

    `cut` and `embed` are those of an engine. Both views of one person must lie within the threshold and nearer than
    another person, who must lie beyond; the same face must get the same vector, alone and among others.
    """
    chips = trial_chips(cut)
    vectors, alone = embed(chips), embed(chips[:1])
    if vectors.shape != (len(chips), space.dimensions):
        raise failed(space, f"it answers vectors of {vectors.shape[-1]} numbers instead of {space.dimensions}")
    if not np.isfinite(vectors).all() or not np.linalg.norm(vectors, axis=1).all():
        raise failed(space, "its vectors are no numbers, or zero")
    if np.abs(alone[0] - vectors[0]).max() > SAME_TWICE:
        raise failed(space, "the same face gets another vector when it is alone")
    face, copy, other = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    same, stranger, most = 1 - float(face @ copy), 1 - float(face @ other), space.thresholds["cosine"]
    if not same < stranger:
        raise failed(space, "a face is nearer to another person's than to its own")
    if not same <= most < stranger:
        raise failed(
            space, f"one person's photographs are {same:.2f} apart and two people's {stranger:.2f}, both on the same "
            f"side of the threshold {most:g}",
        )  # fmt: skip


def trial_chips(cut: Cut) -> list[Image]:
    """Three chips: a person, the same person in another view, and another person."""
    collins, hopper = (images.decode((FOLDER / name).read_bytes()) for name in ("collins.jpg", "hopper.jpg"))
    view, face = another_view(collins, COLLINS)
    return [*cut(collins, [COLLINS]), *cut(view, [face]), *cut(hopper, [HOPPER])]


def another_view(image: Image, face: Detection) -> tuple[Image, Detection]:
    """The photograph mirrored and darker, and where its face lies then."""
    width = image.shape[1]
    copy = cast(Image, (image[:, ::-1] * DARKER).astype(np.uint8))
    points, box = face.landmarks, face.box
    flipped = {
        name: point and (width - 1 - point[0], point[1])
        for name, point in (
            ("left_eye", points.right_eye), ("right_eye", points.left_eye), ("nose", points.nose),
            ("mouth_left", points.mouth_right), ("mouth_right", points.mouth_left),
        )
    }  # fmt: skip
    return copy, replace(face, box=Box(width - box.x - box.w, box.y, box.w, box.h), landmarks=Landmarks(**flipped))


def failed(space: Space, reason: str) -> EngineUnavailable:
    """The refusal of a network that does not tell faces apart."""
    message = (
        f"The network {space.model} does not tell faces apart as it is described: {reason}. Check colours, mean, "
        "scale, layout, size, template and threshold in FACEAPP_NETWORKS."
    )
    return EngineUnavailable(message, code="engine.trial_failed")
