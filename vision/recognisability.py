"""Whether a face shows enough to be recognised, whatever model describes it. Pure numpy.

The length of the raw vector of the recogniser `fr512` falls for faces that are turned, blurred or cut. It is given as
the share of the photographs of LFW whose face is no more recognisable. Two kinds of faces resemble each other and still
have an ordinary length: very blurred ones, and ones that are half covered. They are told by their pixels, and get 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.engines.onnx import fitted
from vision.quality import LUMA, laplacian
from vision.types import Image

# Of the inner face, measured on LFW and on blurred and covered versions of other photographs (docs/engines.md).
LEAST_DETAIL = 0.0065  # variance of the Laplacian by that of the luma; the least of LFW is 0.010
FLAT = 2.0  # standard deviation of the luma of a tile without any structure, of 255
TILES = 4  # across and down
MOST_FLAT = 2  # tiles without structure; the most of LFW


def recognisability(length: float, chip: Image) -> float:
    """0 to 1, of a face whose raw vector of `fr512` has this length; `chip` is its aligned crop (112, 112, 3)."""
    return share_of(length) if shows_structure(chip) else 0.0


def shows_structure(chip: Image) -> bool:
    """Whether an aligned crop (112, 112, 3) is neither without detail nor covered."""
    luma = inner(chip.astype(np.float32) @ LUMA)
    return detail(luma) >= LEAST_DETAIL and flat_tiles(luma) <= MOST_FLAT


def share_of(length: float) -> float:
    """The share of LFW's photographs whose raw vector of `fr512` is no longer than this."""
    return round(float(np.interp(length, *fitted.lengths())), 4)


def inner(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the eyebrows to the chin and from temple to temple: the part of an aligned crop without hair and ground."""
    height, width = luma.shape
    return luma[height // 7 : height * 13 // 14, width // 7 : width * 6 // 7]


def detail(luma: NDArray[np.float32]) -> float:
    """How much of the contrast is in the finest structures."""
    return float(laplacian(luma).var() / max(float(luma.var()), 1.0))


def flat_tiles(luma: NDArray[np.float32]) -> int:
    """In how many of 16 tiles there is nothing to see."""
    rows = (row for band in np.array_split(luma, TILES) for row in np.array_split(band, TILES, axis=1))
    return sum(float(tile.std()) < FLAT for tile in rows)
