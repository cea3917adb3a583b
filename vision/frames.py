"""Distinguishes frames of a living face from copies of one still, by the aligned chips of the face. Pure numpy."""

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
    """The difference that neither moving the picture nor changing its light explains: 0 (the same still) to 1."""
    return _Still(one).difference(_Still(other))


def repeats(fingerprints: Sequence[bytes]) -> list[bool]:
    """For each frame whether an earlier one of the sequence shows the same still. An empty one repeats nothing."""
    stills = [_Still(data) if data else None for data in fingerprints]
    return [
        still is not None and any(before and still.difference(before) < SAME_STILL for before in stills[:index])
        for index, still in enumerate(stills)
    ]


class _Still:
    """A fingerprint, and everything that the same picture looks like when it is shifted, turned, scaled or relit.

    Landmarks of two copies differ by parts of a pixel, so their chips do. To the first order such a motion adds the
    picture's gradients, times 1, x and y (as in the tracker of Lucas and Kanade, IJCAI 1981): a linear space, of which
    an orthonormal basis is kept.
    """

    def __init__(self, data: bytes) -> None:
        levels = (np.frombuffer(data, np.int8).reshape(SIDE, SIDE) / STEPS).astype(np.float32)
        down, across = np.gradient(levels)
        y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
        light = [np.ones_like(levels), levels, levels**2]
        motion = [across, across * x, across * y, down, down * x, down * y]
        inner = slice(1, -1)  # gradients at the border are one-sided
        columns = np.stack([part[inner, inner].ravel() for part in (*light, *motion)], axis=1)
        self._basis = np.linalg.qr(columns).Q
        self._levels = levels[inner, inner].ravel()

    def difference(self, other: _Still) -> float:
        """The share of one picture's deviation that the other does not explain; the better of both ways."""
        return min(self._unexplained(other._levels), other._unexplained(self._levels))

    def _unexplained(self, levels: NDArray[np.float32]) -> float:
        rest = levels - self._basis @ (self._basis.T @ levels)
        deviation = float(levels.std())
        return float(np.sqrt(np.mean(rest**2))) / deviation if deviation else 1.0
