"""A network that TensorFlow Serving runs; faces are found, cut out and judged here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision.engines.aligned import AlignedEngine
from vision.engines.networks import trial
from vision.engines.networks.described import Network, network_called, served_model
from vision.engines.networks.pixels import prepared
from vision.engines.networks.served import Endpoint, Served
from vision.engines.onnx.composition import SHORTEST
from vision.engines.serving.replicas import (
    ANSWER,
    CERTIFICATE,
    MESSAGES,
    SPACE,
    Answer,
    Replica,
    ReplicaFailed,
    Replicas,
)
from vision.engines.weights import WeightFile
from vision.exceptions import EmbedderUnavailable, UnknownName
from vision.types import Image

logger = logging.getLogger(__name__)
SPACE_OUTPUT = "space"  # of exported models: the name of the space, once for each face


class ServedEngine(AlignedEngine):
    """The model called `model` on the servers that FACEAPP_NETWORKS names. Raises `UnknownName` or `NetworkError`.

    Vectors are comparable with those of a local engine: a model that `export_savedmodel` wrote tells its space with
    every answer, and one of another space is refused, also after the servers changed to a newer version. Only a
    foreign model, described without a file, need not tell: its version is pinned, and names its space.
    """

    elsewhere = "TensorFlow Serving"

    def __init__(self, *, model: str, detector: str = "yunet") -> None:
        served = served_model(model)
        if served is None:
            raise UnknownName(f"FACEAPP_NETWORKS names no servers for {model!r}.", code="engine.unknown")
        super().__init__(model=model, detector=detector)
        self.served: Served = served
        self.network: Network | None = network_called(model)
        self._replicas: Replicas | None = None
        self._is_foreign = self.network is not None and self.network.file is None
        self._tried = False

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        """Raises `EmbedderUnavailable` where no server gives a usable answer, and what the trial raises."""
        self.load()
        if not chips:
            return np.empty((0, self.space.dimensions), np.float32)
        self._try()
        return self._ask(chips)

    def _model_files(self) -> tuple[WeightFile, ...]:
        return ()

    def _load_model(self) -> None:
        """Servers that are away when a worker starts keep it from nothing but describing faces."""
        try:
            self._replicas = Replicas(list(map(self._connect, self.served.endpoints)), seconds=self.served.seconds)
            self._try()
        except EmbedderUnavailable as error:
            logger.error("%s: %s", self.space.model, error.message)
        except OSError as error:
            logger.error("%s: the file `ca` cannot be used: %s", self.space.model, error.strerror)

    def _connect(self, endpoint: Endpoint) -> Replica:
        if self.served.ca:
            Path(self.served.ca).read_bytes()
        if endpoint.rest:
            from vision.engines.serving.rest import RestReplica

            return RestReplica(endpoint, self.served)
        from vision.engines.serving.rpc import RpcReplica

        return RpcReplica(endpoint, self.served)

    def _try(self) -> None:
        """Once in the life of a process, or of each of its threads that come at the same time."""
        if not self._tried:
            trial.require_faces_told_apart(space=self.space, cut=self.cut, embed=self._ask)
            self._tried = True

    def _ask(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        if self._replicas is None:
            raise EmbedderUnavailable(MESSAGES[CERTIFICATE], code=CERTIFICATE)
        size = self.served.batch
        parts = [chips[start : start + size] for start in range(0, len(chips), size)]
        return np.concatenate([self._replicas.predict(self._sent(part), self._check(len(part))) for part in parts])

    def _sent(self, chips: Sequence[Image]) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Bytes for a model that was exported here; what a foreign one wants."""
        if self.network and self._is_foreign:
            return prepared(chips, self.network.preprocessing)
        return np.stack(chips)

    def _check(self, count: int) -> Callable[[Answer], NDArray[np.float32]]:
        """What takes the embeddings of so many faces out of an answer. Raises `ReplicaFailed`."""

        def read(answer: Answer) -> NDArray[np.float32]:
            if not self._is_foreign or SPACE_OUTPUT in answer:
                told = answer.get(SPACE_OUTPUT, np.array([], object))
                if not told.size or any(one != self.space.name for one in told.flat):
                    raise ReplicaFailed(SPACE)
            vectors = answer.get(self.served.output)
            if vectors is None or vectors.shape != (count, self.space.dimensions) or vectors.dtype != np.float32:
                raise ReplicaFailed(ANSWER)
            if not np.isfinite(vectors).all():
                raise ReplicaFailed(ANSWER)
            if self.network is None:
                return vectors
            lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), SHORTEST)
            unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
            return unit

        return read
