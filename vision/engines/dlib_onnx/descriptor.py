"""dlib's ResNet on ONNX Runtime, in the form in which DeepFace wants a model: the same descriptors within 1e-5."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines import weights
from vision.engines.dlib_onnx import store
from vision.engines.dlib_onnx.networks import descriptor_graph
from vision.types import Image

BATCH = 64  # faces at a time; each takes about 3 MB


class DescriptorNetwork:
    """The network. Safe for several threads. Raises `EngineUnavailable` without usable weights."""

    def __init__(self) -> None:
        # An arena would keep what the photograph with the most faces needed.
        self._session = store.session(weights.DLIB_RESNET, descriptor_graph, arena=False)

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Descriptors (n, 128), not normalised, of aligned RGB faces (n, 150, 150, 3)."""
        parts = [chips[i : i + BATCH] for i in range(0, len(chips), BATCH)]
        rows = [self._session.run(None, {"images": np.ascontiguousarray(part)})[0] for part in parts]
        return np.concatenate(rows) if rows else np.empty((0, 128), np.float32)


class DlibClient:
    """What `deepface.models.FacialRecognition` promises; DeepFace builds it once per process (`runtime.prepare`)."""

    model_name = "Dlib"
    input_shape = (150, 150)
    output_shape = 128

    def __init__(self) -> None:
        self.model = DescriptorNetwork()

    def forward(self, img: NDArray[Any]) -> list[float] | list[list[float]]:
        """Embeddings of one image or of a batch, BGR, of 0 to 1 or of 0 to 255; of one image a flat list."""
        images = img[None] if img.ndim == 3 else img
        rgb: Image = np.rint(images[..., ::-1] * (255 if images.max() <= 1 else 1)).astype(np.uint8)
        rows: list[list[float]] = self.model(rgb).tolist()
        return rows if len(rows) > 1 else rows[0]
