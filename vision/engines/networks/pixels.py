"""What a network sees of chips, for one that does not compute it itself: the values of `graph.prepare`, by numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.engines.networks.described import Preprocessing
from vision.types import Image


def prepared(chips: Sequence[Image], how: Preprocessing) -> NDArray[np.float32]:
    """(n, 3, height, width) or (n, height, width, 3) of RGB chips (height, width, 3)."""
    pixels: NDArray[np.float32] = np.stack(chips).astype(np.float32)
    if how.colours == "bgr":
        pixels = pixels[..., ::-1]
    mean, scale = np.array(how.mean, np.float32), np.array(how.scale, np.float32)
    if how.whiten:
        mean = pixels.mean(axis=(1, 2, 3), keepdims=True)
        scale = np.maximum(pixels.std(axis=(1, 2, 3), keepdims=True), pixels[0].size ** -0.5)
    seen = ((pixels - mean) / scale).astype(np.float32)
    return np.ascontiguousarray(seen.transpose(0, 3, 1, 2) if how.layout == "nchw" else seen)
