"""DeepFace's detectors and models, each face aligned as its model was trained; import-light until `load`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.engines import runtime
from vision.engines.aligned import AlignedEngine
from vision.engines.spaces import DLIB, OF_DEEPFACE
from vision.exceptions import UnknownName
from vision.types import Image


class DeepFaceEngine(AlignedEngine):
    """Any model of DeepFace and any detector by name. Raises `UnknownName` for others."""

    def __init__(self, *, model: str = DLIB, detector: str = "mmod") -> None:
        if model not in OF_DEEPFACE:
            known = ", ".join(OF_DEEPFACE)
            raise UnknownName(f"DeepFace has no model {model!r}. Known: {known}.", code="engine.unknown")
        super().__init__(model=model, detector=detector)

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        """Embeddings (n, dimensions). DeepFace is given aligned BGR chips only, never the whole image."""
        self.load()
        if not chips:
            return np.empty((0, self.space.dimensions), np.float32)
        from deepface import DeepFace

        bgr = [np.ascontiguousarray(chip[:, :, ::-1]) for chip in chips]
        options = {"detector_backend": "skip", "enforce_detection": False, "align": False}
        with self._lock:
            answer = DeepFace.represent(bgr, model_name=self.space.model, **options)
        rows = answer if len(bgr) > 1 else [answer]
        return np.asarray([row[0]["embedding"] for row in rows], np.float32)

    def _load_model(self) -> None:
        runtime.build("facial_recognition", self.space.model)
