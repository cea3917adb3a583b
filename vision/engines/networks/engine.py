"""Any recognition network in an ONNX file, as FACEAPP_NETWORKS describes it, on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines import graphs, runtime
from vision.engines.aligned import AlignedEngine
from vision.engines.networks import graph, trial
from vision.engines.networks.described import Network, network_called
from vision.exceptions import EngineUnavailable, UnknownName
from vision.types import Image

BATCH = 4  # faces of one run on a processor, as in vision.engines.onnx.recognisers
BATCH_OF_CARD = 32


class NetworkEngine(AlignedEngine):
    """The described network called `model`, and any detector by name. Raises `UnknownName` or `NetworkError`.

    Loading it tries it with two faces; what does not tell them apart raises `EngineUnavailable`
    (`engine.trial_failed`).
    """

    def __init__(self, *, model: str, detector: str = "yunet") -> None:
        network = network_called(model)
        if network is None:
            raise UnknownName(f"FACEAPP_NETWORKS describes no network {model!r}.", code="engine.unknown")
        super().__init__(model=model, detector=detector)
        self.network: Network = network
        self._session: Any = None

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        self.load()
        return self._run(chips)

    def _load_model(self) -> None:
        try:
            self._session = graphs.session(self._stem(), lambda: graph.build(self.network), arena=False)
            trial.require_faces_told_apart(space=self.space, cut=self.cut, embed=self._run)
        except EngineUnavailable:
            raise
        except Exception as error:  # the runtime has errors of its own
            name = self.network.model.files[0].name
            message = f"{name} cannot be used: ONNX Runtime does not run it."
            raise EngineUnavailable(message, code="engine.weights_broken") from error

    def _stem(self) -> str:
        """Names the graph by everything that it is built from."""
        return f"{self.space.name}.{self.network.model.files[0].sha256[:16]}.v{graph.VERSION}"

    def _run(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        if not chips:
            return np.empty((0, self.space.dimensions), np.float32)
        most = BATCH if runtime.device().is_processor else BATCH_OF_CARD
        size = 1 if self._session.get_inputs()[0].shape[0] == 1 else most
        parts = [np.stack(chips[start : start + size]) for start in range(0, len(chips), size)]
        rows = [self._session.run([graph.EMBEDDINGS], {graph.CHIPS: part})[0] for part in parts]
        return np.concatenate(rows).astype(np.float32)
