"""Tells frames of a living face from copies of one still, by the aligned chips of the face. Runs anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from vision.types import Image

SIDE = 24  # pixels of a fingerprint
STEPS = 32  # grey levels to one standard deviation
# Measured (docs/liveness.md): copies of one still differ by 0.13 at most, frames of a head that has turned a few
# degrees by 0.19 and more.
SAME_STILL = 0.13

Levels = NDArray[np.float32]  # (SIDE, SIDE)


def fingerprint(chip: Image) -> bytes:
    """An aligned chip (h, w, 3) as 24 x 24 grey levels of mean 0 and deviation 1, eight bits each; empty when flat.

    Size, brightness, contrast and compression of the frame hardly change it.
    """
    if min(chip.shape[:2]) < 1:
        return b""
    grey = Pillow.fromarray(np.ascontiguousarray(chip)).convert("L").resize((SIDE, SIDE), Pillow.Resampling.BOX)
    levels = np.asarray(grey, np.float32)
    deviation = float(levels.std())
    if deviation < 1:
        return b""
    steps = np.rint((levels - levels.mean()) / deviation * STEPS)
    return bytes(np.clip(steps, -127, 127).astype(np.int8))


def difference(one: bytes, other: bytes) -> float:
    """What neither moving the picture as a whole nor changing its light explains, 0 (the same still) to 1."""
    a, b = _levels(one), _levels(other)
    return min(_unexplained(a, b), _unexplained(b, a))


def repeats(fingerprints: Sequence[bytes]) -> list[bool]:
    """For each frame whether an earlier one of the sequence shows the same still. An empty one repeats nothing."""
    return [
        bool(one) and any(before and difference(one, before) < SAME_STILL for before in fingerprints[:index])
        for index, one in enumerate(fingerprints)
    ]


def _levels(data: bytes) -> Levels:
    return (np.frombuffer(data, np.int8).reshape(SIDE, SIDE) / STEPS).astype(np.float32)


def _unexplained(source: Levels, target: Levels) -> float:
    """Share of the deviation of `target` that stays when `source` is shifted, turned, scaled, sheared and relit.

    Landmarks of two copies differ by parts of a pixel, so their chips do. To the first order such a motion adds the
    picture's gradients, times 1, x and y (as in the tracker of Lucas and Kanade, IJCAI 1981): least squares.
    """
    down, across = np.gradient(source)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    light = [np.ones_like(source), source, source**2]
    motion = [across, across * x, across * y, down, down * x, down * y]
    inner = slice(1, -1)  # gradients at the border are one-sided
    columns = np.stack([part[inner, inner].ravel() for part in (*light, *motion)], axis=1)
    wanted = target[inner, inner].ravel()
    weights = np.linalg.lstsq(columns, wanted, rcond=None)[0]
    deviation = float(wanted.std())
    return float(np.sqrt(np.mean((wanted - columns @ weights) ** 2))) / deviation if deviation else 1.0
