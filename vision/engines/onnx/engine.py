"""The native engine: YuNet and one of the small recognisers, or dlib's parts, all on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.engines.aligned import AlignedEngine
from vision.engines.base import FaceChips
from vision.engines.dlib_onnx.descriptor import DescriptorNetwork
from vision.engines.onnx.recognisers import Recogniser
from vision.engines.spaces import DLIB, NATIVE
from vision.exceptions import UnknownName
from vision.recognisability import recognisability
from vision.types import Image

RECOGNISERS = (*NATIVE, DLIB)


class OnnxEngine(AlignedEngine):
    """Neither DeepFace nor TensorFlow is in the process unless a request names a detector of DeepFace.

    `recogniser`: `pair128`, `fr512`, `mobilefacenet192` or `dlib`. Raises `UnknownName` for others.
    """

    def __init__(self, *, detector: str = "yunet", recogniser: str = "pair128") -> None:
        name = DLIB if recogniser == "dlib" else recogniser
        if name not in RECOGNISERS:
            known = ", ".join(RECOGNISERS)
            raise UnknownName(f"There is no recogniser {recogniser!r}. Known: {known}.", code="engine.unknown")
        super().__init__(model=name, detector=detector)
        self._recogniser: Recogniser | None = None
        self._descriptor: DescriptorNetwork | None = None

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        self.load()
        if self._recogniser:
            return self._recogniser(chips)[0]
        if self._descriptor is None or not chips:
            return np.empty((0, self.space.dimensions), np.float32)
        return self._descriptor(np.stack(chips))

    def describe(self, chips: Sequence[FaceChips]) -> tuple[NDArray[np.float32], list[float | None]]:
        self.load()
        if self._recogniser is None:
            return super().describe(chips)
        crops = [chip.model for chip in chips]
        vectors, lengths = self._recogniser(crops)
        return vectors, [*map(recognisability, lengths, crops)]

    def _load_model(self) -> None:
        if self.space.model == DLIB:
            self._descriptor = DescriptorNetwork()
        else:
            self._recogniser = Recogniser(self.space.model)

    def _build_quality(self) -> Recogniser | None:
        """`fr512` is part of every recogniser but dlib's, so that no second copy is loaded."""
        return self._recogniser or super()._build_quality()
