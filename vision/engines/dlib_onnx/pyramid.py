"""The tiled pyramid on which dlib's mmod detector works: all sizes of an image on one canvas.

The network sees across the gaps between the tiles, so their places decide its answers and are those of dlib
(`compute_tiled_image_pyramid_details` with `pyramid_down<6>`), the wrap-around of its unsigned sizes included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 5 / 6.0  # of each level's sides to those of the one before
UP, SHIFT = 6 / 5.0, 0.3  # a point one level up: p * UP + SHIFT
MIN_ROWS = 5
UNSIGNED = 1 << 64


@dataclass(frozen=True)
class Tile:
    """Where a level lies on the canvas."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Layout:
    """The tiles from the largest to the smallest, and the size of the canvas."""

    tiles: list[Tile]
    width: int
    height: int


def level_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """(width, height) of every level."""
    sizes: list[tuple[int, int]] = []
    while width and height and (not sizes or height >= MIN_ROWS):
        sizes.append((width, height))
        width, height = math.floor(RATE * width), math.floor(RATE * height)
    return sizes


def lay_out(width: int, height: int, *, gap: int, border: int) -> Layout:
    """Down a left column, and back up a right one while it stays clear of the first tile; the rest is left out."""
    sizes = level_sizes(width, height)
    turn = _turning_point(sizes, gap)
    column = sum(h + gap for _, h in sizes[:turn]) - gap
    tiles: list[Tile] = []
    y, end = border, column + border
    while y < end and len(tiles) < len(sizes):
        tiles.append(Tile(border, y, *sizes[len(tiles)]))
        y += tiles[-1].height + gap
    y -= gap
    for w, h in sizes[len(tiles) :]:
        tile = Tile(border + width - w, y - h, w, h)
        first = tiles[0]
        apart = tile.x >= first.x + first.width or first.x >= tile.x + tile.width
        if not apart and first.y < tile.y + tile.height and tile.y < first.y + first.height:
            break
        tiles.append(tile)
        y -= h + gap
    return Layout(tiles, width + 2 * border, column + 2 * border)


def _turning_point(sizes: Sequence[tuple[int, int]], gap: int) -> int:
    """How many levels come before one that fits next to its predecessor and leaves room for the column upwards."""
    (width, height), *_ = sizes
    total = sum(h + gap for _, h in sizes) - 2 * gap
    column = before = 0
    for i, (w, h) in enumerate(sizes):
        if w <= (width - before - gap) % UNSIGNED and (column - height) * 2 % UNSIGNED >= (total - height) % UNSIGNED:
            return i
        column += h + gap
        before = w
    return len(sizes)


def nearest(tiles: Sequence[Tile], points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the first tile nearest to each of `points` (n, 2); one that contains the point is at distance 0."""
    first = np.array([(t.x, t.y) for t in tiles], float)
    last = first + np.array([(t.width - 1, t.height - 1) for t in tiles], float)
    outside = np.maximum(first - points[:, None], 0) + np.maximum(points[:, None] - last, 0)
    return np.asarray((outside**2).sum(axis=2).argmin(axis=1))


def to_image(tile: Tile, level: int, rectangle: NDArray[np.float64]) -> NDArray[np.float64]:
    """A rectangle (left, top, right, bottom) on the canvas, in pixels of the image."""
    moved = rectangle - (tile.x, tile.y, tile.x, tile.y)
    for _ in range(level):
        moved = moved * UP + SHIFT
    return moved
