"""A back end of your own: local binary patterns (Ahonen, Hadid and Pietikäinen 2006), which need no weights.

They tell faces apart far worse than a network does. The threshold lies between the faces of one trial; measure yours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.engines.aligned import AlignedEngine
from vision.engines.model import POINTS, Model, thresholds_of_unit_length
from vision.engines.networks.trial import require_faces_told_apart
from vision.types import Image

CELLS, BINS = 7, 32
NEIGHBOURS = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
PATTERNS = Model(
    slug="patterns",
    label="v1",  # part of the name of the space: change it with everything that changes vectors
    dimensions=CELLS * CELLS * BINS,
    alignment=POINTS,  # 112 x 112, the eyes and the mouth where ArcFace has them
    files=(),  # what `fetch_models` puts in place, and `load` checks
    thresholds=thresholds_of_unit_length(0.107),
)


class PatternEngine(AlignedEngine):
    """Finds and aligns faces as every engine does; only the description is its own."""

    def __init__(self, *, detector: str = "yunet") -> None:
        super().__init__(model="patterns", detector=detector, described=PATTERNS)

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        """One unit vector for each chip: the roots of the shares of patterns in every cell."""
        self.load()
        return self._describe(chips)

    def _load_model(self) -> None:
        """Here a network would be loaded, in a worker child and never in a web process."""
        require_faces_told_apart(space=self.space, cut=self.cut, embed=self._describe)

    def _describe(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        rows = [self._shares(chip.mean(axis=2)) for chip in chips]
        return np.array(rows, np.float32).reshape(len(chips), PATTERNS.dimensions)

    def _shares(self, grey: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each pixel's pattern says which of its neighbours are brighter, in eight bits, of which five are kept."""
        height, width = grey.shape[0] - 2, grey.shape[1] - 2
        middle = grey[1:-1, 1:-1]
        around = [grey[y : y + height, x : x + width] >= middle for y, x in NEIGHBOURS]
        patterns = np.packbits(np.stack(around), axis=0)[0] >> 3
        cells = [part for rows in np.array_split(patterns, CELLS) for part in np.array_split(rows, CELLS, axis=1)]
        shares = np.concatenate([np.bincount(cell.ravel(), minlength=BINS) for cell in cells]) / patterns.size
        return np.sqrt(shares)
