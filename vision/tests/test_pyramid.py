"""The geometry around the mmod network, without the network."""

from __future__ import annotations

import numpy as np
import pytest

from vision.engines.dlib_onnx import mmod, pyramid
from vision.engines.dlib_onnx.dat import Window
from vision.engines.dlib_onnx.resizing import column_mix, resize
from vision.types import Box, ScoredBox


def test_the_tiles_of_a_pyramid_keep_their_distance() -> None:
    for width, height in ((640, 480), (480, 640), (1280, 200), (90, 1000), (100, 100)):
        layout = pyramid.lay_out(width, height, gap=10, border=11)
        assert (layout.tiles[0].width, layout.tiles[0].height) == (width, height)
        used = np.zeros((layout.height, layout.width), int)
        for tile in layout.tiles:
            assert tile.x >= 11 and tile.y >= 11 and tile.x + tile.width <= layout.width - 11
            used[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
        assert used.max() == 1


def test_overlapping_rectangles_are_dropped_by_the_box_around_both() -> None:
    window = Window(80, 80, 0.3382761351109955, 1.0)
    first = ScoredBox(Box(0, 0, 100, 100), 2.0)
    beside = ScoredBox(Box(50, 0, 100, 100), 1.0)  # 1/3 of the box around, 1/3 of the union
    nearer = ScoredBox(Box(45, 0, 100, 100), 0.5)
    assert mmod.drop_overlapping([first, beside, nearer], window) == [first, beside]
    diagonal = ScoredBox(Box(35, 35, 100, 100), 1.0)  # 0.27 of the union, 0.23 of the box around
    assert mmod.drop_overlapping([first, diagonal], window) == [first, diagonal]


@pytest.mark.parametrize(("size", "wanted"), [(1280, 1066), (640, 533), (12, 10), (10, 8), (6, 5), (2, 1), (1, 1)])
def test_columns_are_mixed_near_their_exact_places(size: int, wanted: int) -> None:
    mix = column_mix(size, wanted)
    exact = np.arange(wanted) * (size - 1) / max(wanted - 1, 1)
    np.testing.assert_allclose(mix.first + mix.share, exact, atol=0.02)
    assert mix.first.min() >= 0 and mix.first.max() <= size - 1 and mix.second.max() <= size - 1
    assert len(mix.first) == len(mix.second) == len(mix.share) == wanted


def test_a_slope_stays_a_slope_when_it_is_resized() -> None:
    plane = np.add.outer(np.arange(90, dtype=np.float32), 2 * np.arange(120, dtype=np.float32))
    expected = np.add.outer(np.linspace(0, 89, 75), 2 * np.linspace(0, 119, 100))
    np.testing.assert_allclose(resize(plane, 75, 100), expected, atol=0.01)
