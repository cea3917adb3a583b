"""dlib's mmod face detector on ONNX Runtime: the same rectangles, scores within 1e-4."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines import runtime, weights
from vision.engines.dlib_onnx import networks, pyramid, store
from vision.engines.dlib_onnx.dat import Conv, Network, Window
from vision.engines.dlib_onnx.networks import PIXEL_SCALE
from vision.engines.dlib_onnx.pyramid import Layout
from vision.engines.dlib_onnx.resizing import resize
from vision.exceptions import EngineUnavailable
from vision.types import Box, Image, ScoredBox

# dlib's pyramid_down<2> takes a point one level down by p / 2 - HALVING, and makes doubled images larger by a rim.
HALVING = np.array([1.25, 0.75, 1.25, 0.75])
FEATURE_ROWS, SCORE_ROWS = 64, 192  # that are computed at a time: fewer take less memory, and more twice
RIM = (1, 2)  # rows, columns


def load() -> Mmod:
    """The detector of the installed weights. Raises `EngineUnavailable`."""
    network = store.network(weights.DLIB_MMOD)
    return Mmod(
        network,
        features=store.session(weights.DLIB_MMOD, networks.features_graph),
        scores=store.session(weights.DLIB_MMOD, networks.scores_graph),
    )


class Mmod:
    """The detector of a parsed network and its sessions (`networks`). Safe for several threads."""

    def __init__(self, network: Network, *, features: Any, scores: Any) -> None:
        if network.window is None:
            raise EngineUnavailable("The network is not a detector.", code="engine.weights_broken")
        self._window, self._average, (self._gap, self._border) = network.window, network.average, network.padding
        self._features, self._scores = features, scores
        # Pixels between two scores, the pixel in the middle of the first, and the smallest side that has a score.
        self._stride, self._offset, self._field = 1, 0, 1
        convolutions = [layer for layer in network.layers if isinstance(layer, Conv)]
        for layer in convolutions:
            size = layer.weights.shape[2]
            self._offset += self._stride * (size // 2 - layer.padding)
            self._field += self._stride * (size - 1 - 2 * layer.padding)
            self._stride *= layer.stride
        self._reach = sum(layer.padding for layer in convolutions)

    def __call__(self, image: Image, upsample: int = 0) -> list[ScoredBox]:
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
        canvas = self._canvas(image, layout)
        on_processor = runtime.device().is_processor
        scores = self._score(self._describe(canvas)) if on_processor else self._score_whole(canvas)
        found = drop_overlapping(self._decode(scores, layout), self._window)
        return [ScoredBox(_halved(face.box, upsample), face.score) for face in found]

    def _canvas(self, image: Image, layout: Layout) -> NDArray[np.float32]:
        """Every level is made from the one before, in single precision; one colour at a time, to save memory."""
        canvas = np.zeros((1, 3, layout.height, layout.width), np.float32)
        for plane, average in enumerate(self._average):
            level = image[:, :, plane].astype(np.float32)
            level -= np.float32(average)
            level /= PIXEL_SCALE
            for i, tile in enumerate(layout.tiles):
                if i:
                    level = resize(level, tile.height, tile.width)
                canvas[0, plane, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = level
        return canvas

    def _describe(self, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of the canvas, strip by strip: what a strip needs is small and stays in the processor's cache."""
        rows, columns = ((side - self._field) // self._stride + 1 for side in canvas.shape[2:])
        channels = self._features.get_outputs()[0].shape[1]
        features = np.empty((1, channels, rows, columns), np.float32)
        for top in range(0, rows, FEATURE_ROWS):
            bottom = min(top + FEATURE_ROWS, rows)
            planes = canvas[:, :, top * self._stride : (bottom - 1) * self._stride + self._field]
            (features[:, :, top:bottom],) = self._features.run(None, {"planes": planes})
        return features

    def _score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores (rows, columns), in strips with as many rows around them as the convolutions reach."""
        rows = features.shape[2]
        strips = []
        for top in range(0, rows, SCORE_ROWS):
            first, bottom = max(top - self._reach, 0), min(top + SCORE_ROWS, rows)
            (scores,) = self._scores.run(None, {"features": features[:, :, first : bottom + self._reach]})
            strips.append(scores[0, 0, top - first : bottom - first])
        return np.concatenate(strips)

    def _score_whole(self, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores (rows, columns) without strips: a card has room for the features, which stay there."""
        scores: NDArray[np.float32] = runtime.run_chained(self._features, self._scores, canvas)[0, 0]
        return scores

    def _decode(self, scores: NDArray[np.float32], layout: Layout) -> list[ScoredBox]:
        """Rectangles of all positive scores, the highest first."""
        rows, columns = np.nonzero(scores > 0)
        order = np.argsort(-scores[rows, columns], kind="stable")
        centres = np.stack([columns, rows], axis=1)[order].astype(np.float64) * self._stride + self._offset
        half = np.array([self._window.width - 1.0, self._window.height - 1.0]) / 2
        levels = pyramid.nearest(layout.tiles, centres)
        corners = np.concatenate([centres - half, centres + half], axis=1)
        return [
            ScoredBox(_rounded(pyramid.to_image(layout.tiles[level], level, corner)), float(score))
            for level, corner, score in zip(levels, corners, scores[rows, columns][order], strict=True)
        ]


def drop_overlapping(faces: Sequence[ScoredBox], window: Window) -> list[ScoredBox]:
    """Those that no kept one with a higher score overlaps; `faces` come with falling scores."""
    kept: list[ScoredBox] = []
    for face in faces:
        if not any(overlaps(face.box, other.box, window) for other in kept):
            kept.append(face)
    return kept


def overlaps(a: Box, b: Box, window: Window) -> bool:
    """dlib's test: the intersection's share of the box around both, not of the union, or of either."""
    width, height = min(a.right, b.right) - max(a.left, b.left) + 1, min(a.bottom, b.bottom) - max(a.top, b.top) + 1
    inner = max(width, 0) * max(height, 0)
    if not inner:
        return False
    outer = Box.from_edges(min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom)).area
    return inner / outer > window.overlap or inner / a.area > window.covered or inner / b.area > window.covered


def _halved(box: Box, times: int) -> Box:
    edges = np.array([box.left, box.top, box.right, box.bottom], float)
    for _ in range(times):
        edges = edges / 2 - HALVING
    return _rounded(edges)


def _rounded(edges: NDArray[np.float64]) -> Box:
    """To whole pixels, halves away from zero."""
    return Box.from_edges(*(int(math.copysign(math.floor(abs(edge) + 0.5), edge)) for edge in edges))
