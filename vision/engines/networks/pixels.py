"""What a network sees of chips, for one that does not compute it itself: the values of `graph.prepare`, by numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.engines.networks.described import Preprocessing
from vision.types import Image


def prepared(chips: Sequence[Image], how: Preprocessing) -> NDArray[np.float32]:
    """(n, 3, height, width) or (n, height, width, 3) of RGB chips (height, width, 3)."""
    pixels = np.stack(chips).astype(np.float32)
    if how.colours == "bgr":
        pixels = pixels[..., ::-1]
    if how.whiten:
        centred = pixels - pixels.mean(axis=(1, 2, 3), keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=(1, 2, 3), keepdims=True))
        pixels = centred / np.maximum(deviation, 1 / np.sqrt(pixels[0].size))
    else:
        pixels = (pixels - np.float32(how.mean)) / np.float32(how.scale)
    seen = pixels.transpose(0, 3, 1, 2) if how.layout == "nchw" else pixels
    return np.ascontiguousarray(seen, np.float32)
