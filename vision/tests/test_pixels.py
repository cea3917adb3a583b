"""From decoded pictures of every mode to upright RGB."""

import numpy as np
import pytest
from PIL import Image as Pillow

from vision.images import decode
from vision.pixels import STRIP, UPRIGHT, upright_rgb
from vision.tests.pictures import save


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16", "CMYK"])
def test_every_strip_of_a_large_picture_finds_its_place(mode: str, orientation: int) -> None:
    """An upright picture is the one that Pillow turns as a whole."""
    size = (1601, STRIP // 1601 * 2 + 7)
    grey = np.add.outer(np.arange(size[1]), np.arange(size[0]))
    picture = Pillow.fromarray((grey % 65_536 * 16).astype(np.uint16))
    if mode != "I;16":
        plain = Pillow.fromarray((grey % 251).astype(np.uint8))
        picture = Pillow.merge("RGB", (plain, plain.transpose(UPRIGHT[3]), plain.transpose(UPRIGHT[4]))).convert(mode)
    whole = Pillow.fromarray(decode(save(picture, "TIFF")))
    turn = UPRIGHT.get(orientation)
    expected = whole if turn is None else whole.transpose(turn)
    assert np.array_equal(upright_rgb(picture, orientation), np.asarray(expected))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full((8, 8), 0.5, np.float32), 127),
        (np.full((8, 8), 200.0, np.float32), 200),
        (np.full((8, 8), 40_000.0, np.float32), 156),
        (np.full((8, 8), np.nan, np.float32), 0),
        (np.full((8, 8), np.inf, np.float32), 255),
        (np.full((8, 8), 200, np.int32), 200),
        (np.full((8, 8), 40_000, np.int32), 156),
        (np.full((8, 8), -5, np.int32), 0),
    ],
)
def test_wide_grey_values_become_eight_bits(values: np.ndarray, expected: int) -> None:
    image = decode(save(Pillow.fromarray(values), "TIFF"))
    assert image.shape == (8, 8, 3)
    assert np.abs(image.astype(int) - expected).max() <= 1
