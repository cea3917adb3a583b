"""dlib's mmod face detector on ONNX Runtime: the same rectangles, scores within 1e-4."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines.dlib_onnx import pyramid
from vision.engines.dlib_onnx.dat import Conv, Network, Window
from vision.engines.dlib_onnx.networks import PIXEL_SCALE
from vision.engines.dlib_onnx.pyramid import Layout
from vision.types import Image

# dlib's pyramid_down<2> takes a point one level down by p / 2 - HALVING, and makes doubled images larger by a rim.
HALVING = np.array([1.25, 0.75, 1.25, 0.75])
RIM = (1, 2)  # rows, columns


@dataclass(frozen=True)
class Rectangle:
    """As dlib has it: right and bottom belong to it, and it may reach beyond the image. `score` is above 0."""

    left: int
    top: int
    right: int
    bottom: int
    score: float

    @property
    def area(self) -> int:
        return max(self.right - self.left + 1, 0) * max(self.bottom - self.top + 1, 0)


class Mmod:
    """The detector of a parsed network and its two sessions. Safe for several threads."""

    def __init__(self, network: Network, window: Window, *, detector: Any, resizer: Any) -> None:
        self._window, self._average, (self._gap, self._border) = window, network.average, network.padding
        self._detector, self._resizer = detector, resizer
        self._stride, self._offset, self._field = _geometry(network)

    def __call__(self, image: Image, upsample: int = 0) -> list[Rectangle]:
        """Faces of an RGB image, the surest first; the image is doubled `upsample` times before."""
        import dlib

        for _ in range(upsample):
            image = dlib.resize_image(image, image.shape[0] * 2 + RIM[0], image.shape[1] * 2 + RIM[1])
        height, width = image.shape[:2]
        if min(height, width) < self._gap:  # too narrow for dlib's layout, and for a face
            return []
        layout = pyramid.lay_out(width, height, gap=self._gap, border=self._border)
        if min(layout.width, layout.height) < self._field:
            return []
        (scores,) = self._detector.run(None, {"canvas": self._canvas(image, layout)})
        found = drop_overlapping(self._decode(scores[0, 0], layout), self._window)
        return [_halved(rectangle, upsample) for rectangle in found]

    def _canvas(self, image: Image, layout: Layout) -> NDArray[np.float32]:
        """Every level is made from the one before, in single precision."""
        import cv2

        canvas = np.zeros((1, 3, layout.height, layout.width), np.float32)
        level = cv2.dnn.blobFromImage(image, 1 / PIXEL_SCALE, mean=self._average)
        for i, tile in enumerate(layout.tiles):
            if i:
                sizes = np.array([1, 3, tile.height, tile.width])
                (level,) = self._resizer.run(None, {"planes": level, "sizes": sizes})
            canvas[:, :, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = level
        return canvas

    def _decode(self, scores: NDArray[np.float32], layout: Layout) -> list[Rectangle]:
        """Rectangles of all positive scores, the highest first."""
        rows, columns = np.nonzero(scores > 0)
        order = np.argsort(-scores[rows, columns], kind="stable")
        centres = np.stack([columns, rows], axis=1)[order] * float(self._stride) + self._offset
        half = np.array([self._window.width - 1, self._window.height - 1]) / 2
        levels = pyramid.nearest(layout.tiles, centres)
        corners = np.concatenate([centres - half, centres + half], axis=1)
        return [
            _rounded(pyramid.to_image(layout.tiles[level], level, corner), float(score))
            for level, corner, score in zip(levels, corners, scores[rows, columns][order], strict=True)
        ]


def _geometry(network: Network) -> tuple[int, int, int]:
    """Pixels between two scores, the pixel in the middle of the first, and the smallest side that has a score."""
    stride, offset, field = 1, 0, 1
    for layer in network.layers:
        if isinstance(layer, Conv):
            size = layer.weights.shape[2]
            offset += stride * (size // 2 - layer.padding)
            field += stride * (size - 1 - 2 * layer.padding)
            stride *= layer.stride
    return stride, offset, field


def drop_overlapping(rectangles: Sequence[Rectangle], window: Window) -> list[Rectangle]:
    """Those that no kept one with a higher score overlaps; `rectangles` come with falling scores."""
    kept: list[Rectangle] = []
    for rectangle in rectangles:
        if not any(overlap(rectangle, other, window) for other in kept):
            kept.append(rectangle)
    return kept


def overlap(a: Rectangle, b: Rectangle, window: Window) -> bool:
    """dlib's test: the intersection's share of the box around both, not of the union, or of either."""
    inner = Rectangle(max(a.left, b.left), max(a.top, b.top), min(a.right, b.right), min(a.bottom, b.bottom), 0).area
    if not inner:
        return False
    outer = Rectangle(min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom), 0).area
    return inner / outer > window.overlap or inner / a.area > window.covered or inner / b.area > window.covered


def _halved(rectangle: Rectangle, times: int) -> Rectangle:
    edges = np.array([rectangle.left, rectangle.top, rectangle.right, rectangle.bottom], float)
    for _ in range(times):
        edges = edges / 2 - HALVING
    return _rounded(edges, rectangle.score)


def _rounded(edges: NDArray[np.float64], score: float) -> Rectangle:
    """To whole pixels, halves away from zero."""
    left, top, right, bottom = (int(math.copysign(math.floor(abs(edge) + 0.5), edge)) for edge in edges)
    return Rectangle(left, top, right, bottom, score)
