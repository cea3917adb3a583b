"""What describes a recognition model: weights, alignment and thresholds. Imports no model library."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vision.engines.weights import WeightFile


@dataclass(frozen=True)
class Alignment:
    """How a face is cut out: `kind` is `dlib` (dlib's own chip), `points` (five points, of dlib where the detector has
    none), `arcface` (five points, from dlib's 68 where the detector has none) or `eyes` (levelled box).

    `size` is (width, height) in pixels; `margin` is added on each side, as a share of the box (`dlib`: of the chip).
    `template` (`points`): where right eye, left eye, nose and the corners of the mouth lie in the chip; empty: where
    ArcFace's reference points do, at this size.
    """

    kind: str
    size: tuple[int, int]
    margin: float = 0.0
    template: tuple[tuple[float, float], ...] = ()

    @property
    def label(self) -> str:
        return f"{self.kind}{self.size[1]}"


@dataclass(frozen=True)
class Model:
    """A recognition model. Thresholds are ordered as `METRICS`; `label` names weights of more than one file."""

    slug: str
    dimensions: int
    alignment: Alignment
    files: tuple[WeightFile, ...]
    thresholds: tuple[float, float, float, float]
    metric: str = "cosine"
    label: str = ""

    @property
    def weights_label(self) -> str:
        """Which weights: the start of the pinned hash, or the release that DeepFace downloads."""
        return self.label or self.files[0].sha256[:8] or "deepface1"


DLIB_CHIP = Alignment("dlib", (150, 150), 0.25)
FIVE_POINTS = Alignment("arcface", (112, 112))
POINTS = Alignment("points", (112, 112))


def thresholds_of_unit_length(cosine: float) -> tuple[float, float, float, float]:
    """The thresholds of a cosine distance in every metric, for vectors of unit length."""
    euclidean = math.sqrt(2 * cosine)
    return cosine, euclidean, euclidean, math.acos(1 - cosine) / math.pi
