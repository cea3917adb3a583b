"""A secret orthogonal transformation of embeddings, for any dimension: lengths, distances and angles stay as they are.

Three rounds of signs, a permutation and the discrete Hartley transform, which is orthogonal, its own inverse, and
spreads every number over all of them. Signs and permutations come from a secret. Such products stand in for random
rotations (Ailon and Chazelle, "Approximate nearest neighbors and the fast Johnson-Lindenstrauss transform", 2006) at
the cost of three Fourier transforms. docs/security.md says what this does not stop.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import shake_256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.types import Embedding

Floats = NDArray[np.float64]

ROUNDS = 3
CACHED = 1_024  # rotations of a process: 12 bytes for each dimension and round
ALGORITHM = b"faceapp rotation 1"  # what is stored depends on it


class Rotation:
    """The transformation of one secret, space and dimension. Safe for threads: nothing changes after it is made."""

    def __init__(self, secret: bytes, space: str, dimensions: int) -> None:
        name = space.encode()
        head = b"".join([ALGORITHM, len(secret).to_bytes(4), secret, len(name).to_bytes(4), name])
        # SHAKE is a stream that is the same on every machine, as the generators of NumPy are not promised to be.
        stream = np.frombuffer(
            shake_256(head + dimensions.to_bytes(4)).digest(ROUNDS * dimensions * 9), np.uint8
        ).reshape(ROUNDS, 9 * dimensions)
        keys = np.ascontiguousarray(stream[:, : 8 * dimensions]).view("<u8")
        self._orders = np.argsort(keys, axis=1, kind="stable")
        self._back = np.argsort(self._orders, axis=1, kind="stable")
        self._signs = 1.0 - 2.0 * (stream[:, 8 * dimensions :] & 1)

    def apply(self, vectors: NDArray[Any]) -> Embedding:
        """Rotate vectors (n, dimensions) or one (dimensions,); computed in double precision, returned as float32."""
        turned = vectors.astype(np.float64)
        for signs, order in zip(self._signs, self._orders, strict=True):
            turned = _hartley((turned * signs)[..., order])
        return turned.astype(np.float32)

    def undo(self, vectors: NDArray[Any]) -> Embedding:
        """The inverse of `apply`."""
        turned = vectors.astype(np.float64)
        for signs, back in zip(self._signs[::-1], self._back[::-1], strict=True):
            turned = _hartley(turned)[..., back] * signs
        return turned.astype(np.float32)


@lru_cache(maxsize=CACHED)
def rotation_of(secret: bytes, space: str, dimensions: int) -> Rotation:
    """The rotation, made once in a process."""
    return Rotation(secret, space, dimensions)


def _hartley(vectors: Floats) -> Floats:
    """The orthonormal discrete Hartley transform of the last axis: real minus imaginary part of Fourier's."""
    dimensions = vectors.shape[-1]
    half = np.fft.rfft(vectors, norm="ortho")
    turned = np.empty_like(vectors)
    turned[..., : half.shape[-1]] = half.real - half.imag
    mirrored = half[..., (dimensions - 1) // 2 : 0 : -1]  # of a real vector the other half is the conjugate
    turned[..., half.shape[-1] :] = mirrored.real + mirrored.imag
    return turned
