"""The trained classifier without the library that trained it: two matrix products, so that any process can ask it."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.types import Vectors


@dataclass(frozen=True)
class Network:
    """Embeddings, moved by `mean` and divided by `scale`, through one hidden layer (ReLU) to a softmax.

    The last class stands for everyone who is not in the gallery. Shapes: mean (d,), scale (), hidden (d, h),
    hidden_bias (h,), output (h, people + 1), output_bias (people + 1,); all float32.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    output: NDArray[np.float32]
    output_bias: NDArray[np.float32]

    def probabilities(self, embeddings: Vectors) -> Vectors:
        """(n, people): how probable each person is for each of n embeddings; the rest to 1 is that of a stranger."""
        inner = np.maximum(((embeddings - self.mean) / self.scale) @ self.hidden + self.hidden_bias, 0)
        scores = inner @ self.output + self.output_bias
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: Vectors = (powers / powers.sum(axis=1, keepdims=True))[:, :-1]
        return shares

    def to_bytes(self) -> bytes:
        """For the database: NumPy's own format, without pickle."""
        buffer = io.BytesIO()
        np.savez(buffer, **vars(self))
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Network:
        """The inverse of `to_bytes`."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(**{name: arrays[name].astype(np.float32) for name in arrays.files})
