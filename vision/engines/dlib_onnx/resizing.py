"""dlib's bilinear resizing of float planes (`tt::resize_bilinear` on a processor), its rounding included.

dlib finds the columns to be mixed by adding up steps in single precision, four columns at a time. At a thousand pixels
that is a hundredth of a pixel off the exact place, which the detector's scores show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANES = 4
ROWS = 32  # that are resized at a time, to stay in the processor's cache

Plane = NDArray[np.float32]  # (rows, columns)


@dataclass(frozen=True)
class Mix:
    """For each new row or column the two old ones and the second one's share."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    share: NDArray[np.float32]

    @classmethod
    def at(cls, places: NDArray[np.floating], size: int) -> Mix:
        first = np.floor(places).astype(np.intp)
        share = (places - first).astype(np.float32)
        return cls(first, np.minimum(first + 1, size - 1), share)


def resize(plane: Plane, rows: int, columns: int) -> Plane:
    """A plane of `rows` and `columns`, corners on corners."""
    out = np.empty((rows, columns), np.float32)
    down, across = row_mix(plane.shape[0], rows), column_mix(plane.shape[1], columns)
    for start in range(0, rows, ROWS):
        part = slice(start, start + ROWS)
        lines = _mixed(plane[down.first[part]], plane[down.second[part]], down.share[part, None])
        left, right = np.take(lines, across.first, axis=1), np.take(lines, across.second, axis=1)
        out[part] = _mixed(left, right, across.share)
    return out


def _mixed(first: Plane, second: Plane, share: Plane) -> Plane:
    """Overwrites `first` and `second`."""
    first *= 1 - share
    second *= share
    first += second
    return first


def row_mix(size: int, wanted: int) -> Mix:
    """Steps added up in double precision."""
    return Mix.at(_sums(0.0, _step(size, wanted), wanted, np.float64), size)


def column_mix(size: int, wanted: int) -> Mix:
    """Steps added up in single precision in four lanes, and in double precision where less than four are left."""
    step = _step(size, wanted)
    begin = -LANES * step
    lanes = [begin + lane * step for lane in range(LANES)]
    turns = -(-wanted // LANES)
    places = np.stack([_sums(lane, LANES * step, turns + 1, np.float32)[1:] for lane in lanes], axis=1)
    whole = LANES * int(np.argmin(np.append(places[:, -1].astype(np.intp) + 1 < size, False)))
    rest = _sums(-step + whole * step, step, wanted - whole + 1, np.float64)[1:]
    return Mix.at(np.concatenate([np.maximum(places.ravel()[:whole], 0).astype(np.float64), rest])[:wanted], size)


def _step(size: int, wanted: int) -> float:
    return (size - 1) / max(wanted - 1, 1)


def _sums(begin: float, step: float, count: int, kind: type[np.floating]) -> NDArray[np.floating]:
    """begin, begin + step, begin + step + step, ..., each rounded as `kind`."""
    terms = np.full(count, step, kind)
    terms[0] = begin
    return np.add.accumulate(terms, dtype=kind)
