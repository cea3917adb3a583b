"""Small JPEG renderings of stored images, for people to look at. The stored file is never changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO

from PIL import Image as Pillow

from vision import images
from vision.images import decode_reduced
from vision.types import Box

MARGIN = 0.35  # of the face's size, kept around it on every side

_one_at_a_time = threading.Lock()  # a page asks for fifty at once, and each may decode millions of pixels


@dataclass(frozen=True)
class Rendering:
    """A picture as a JPEG of `width` by `height` pixels; `scale` of these is one pixel of the upright image."""

    jpeg: bytes
    width: int
    height: int
    scale: float


def rendering(data: bytes, *, side: int) -> Rendering:
    """The upright image as a JPEG of at most `side` pixels. Raises `InvalidImage` when it cannot be decoded."""
    with _one_at_a_time:
        picture, scale = decode_reduced(data, side=side)
        before = picture.width
        picture.thumbnail((side, side), Pillow.Resampling.LANCZOS)
        return Rendering(_encoded(picture), picture.width, picture.height, scale * picture.width / before)


def preview(data: bytes, *, side: int, box: Box | None = None) -> bytes:
    """The upright image, or the surroundings of `box`, as a JPEG of at most `side` pixels.

    Raises `InvalidImage` when the image cannot be decoded.
    """
    with _one_at_a_time:
        picture, scale = decode_reduced(data, side=side, box=box)
        if box:  # a square around it, within the picture
            half = max(box.w, box.h) * (0.5 + MARGIN) * scale
            x, y = (box.x + box.w / 2) * scale, (box.y + box.h / 2) * scale
            left, top = max(0, round(x - half)), max(0, round(y - half))
            right, bottom = min(picture.width, round(x + half)), min(picture.height, round(y + half))
            picture = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
        picture.thumbnail((side, side), Pillow.Resampling.LANCZOS)
        return _encoded(picture)


@dataclass(frozen=True)
class Cut:
    """A part of a picture as a JPEG of `width` by `height` pixels, in which the face's box is `box`."""

    jpeg: bytes
    width: int
    height: int
    box: Box


def surroundings(data: bytes, box: Box, *, side: int, size: tuple[int, int]) -> Cut:
    """What `preview` renders of a face in an image of `size`, width and height in pixels, and where the face is there.

    Raises `InvalidImage` when the image cannot be decoded.
    """
    jpeg = preview(data, side=side, box=box)
    info = images.sniff(jpeg)
    reach = max(box.w, box.h) * (0.5 + MARGIN)  # from the middle of the face to the borders
    middle_x, middle_y = box.x + box.w / 2, box.y + box.h / 2
    left, top = max(0.0, middle_x - reach), max(0.0, middle_y - reach)
    scale = info.width / max(min(size[0], middle_x + reach) - left, 1)
    x, y, w, h = (round(scale * value) for value in (box.x - left, box.y - top, box.w, box.h))
    return Cut(jpeg, info.width, info.height, Box(x, y, w, h))


def _encoded(picture: Pillow.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
