"""From the pixels of a decoded picture, in whatever mode, to upright RGB.

A strip at a time: next to the decoded picture (up to 4 bytes for each pixel) there is room for the result (3 bytes) and
for one strip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from vision.types import Image

STRIP = 1 << 18  # pixels that are converted at a time
WHITE = (255, 255, 255)

# EXIF orientation → how to turn the picture upright (CIPA DC-008, tag 0x0112).
UPRIGHT = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
SIDEWAYS = range(5, 9)  # orientations that swap width and height
FROM_END = {3, 4, 6, 7}  # orientations whose first row is the last row or column of the upright picture


def upright_rgb(picture: Pillow.Image, orientation: int) -> Image:
    """The pixels of a loaded picture as (height, width, 3) RGB, C-contiguous, turned upright by its EXIF orientation.

    Transparent parts become white, grey values of 16 and 32 bits become 8 bits.
    """
    width, height = picture.size
    sideways = orientation in SIDEWAYS
    upright = np.empty((width, height, 3) if sideways else (height, width, 3), np.uint8)
    to_rgb = _eight_bits(picture) if _is_wide_grey(picture) else _on_white
    for top, strip in _strips(picture):
        turned = to_rgb(strip)
        if (turn := UPRIGHT.get(orientation)) is not None:
            turned = turned.transpose(turn)
        start = height - top - strip.height if orientation in FROM_END else top
        rows = slice(start, start + strip.height)
        upright[(slice(None), rows) if sideways else rows] = np.asarray(turned)
    return upright


def _strips(picture: Pillow.Image) -> Iterator[tuple[int, Pillow.Image]]:
    """Copies of some rows each, with the place of the first."""
    rows = max(STRIP // picture.width, 1)
    for top in range(0, picture.height, rows):
        yield top, picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _on_white(strip: Pillow.Image) -> Pillow.Image:
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    strip = strip.convert("RGBA")
    canvas = Pillow.new("RGB", strip.size, WHITE)
    canvas.paste(strip, mask=strip.getchannel("A"))
    return canvas


def _is_wide_grey(picture: Pillow.Image) -> bool:
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _eight_bits(picture: Pillow.Image) -> Callable[[Pillow.Image], Pillow.Image]:
    """How strips of wide grey values become RGB. Pillow would clip them: everything above 255 would be white."""
    brightest = max(float(_grey(strip).max()) for _, strip in _strips(picture))
    scale = 255 if picture.mode == "F" and brightest <= 1 else 1
    # Cameras and microscopes store 10, 12 or 14 bits in 16.
    shift = next(shift for shift in (0, 2, 4, 6, 8) if int(np.clip(brightest * scale, 0, 65535)) >> shift <= 255)

    def convert(strip: Pillow.Image) -> Pillow.Image:
        values = np.clip(_grey(strip) * scale, 0, 65535).astype(np.uint16) >> shift
        return Pillow.fromarray(values.astype(np.uint8)).convert("RGB")

    return convert


def _grey(strip: Pillow.Image) -> NDArray[np.generic]:
    values = np.asarray(strip)
    return np.nan_to_num(values) if strip.mode == "F" else values
