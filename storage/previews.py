"""Small JPEG renderings of stored images, for people to look at. The stored file is never changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO

from PIL import Image as Pillow

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


@dataclass(frozen=True)
class Cut:
    """A face cut out of a picture: a JPEG of `width` by `height` pixels, in which the face is at `box`."""

    jpeg: bytes
    width: int
    height: int
    box: Box


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
    if box:
        return face_alone(data, box, side=side).jpeg
    with _one_at_a_time:
        picture, _ = decode_reduced(data, side=side)
        picture.thumbnail((side, side), Pillow.Resampling.LANCZOS)
        return _encoded(picture)


def face_alone(data: bytes, box: Box, *, side: int) -> Cut:
    """A square around `box`, within the upright image, of at most `side` pixels. Raises `InvalidImage`."""
    with _one_at_a_time:
        picture, scale = decode_reduced(data, side=side, box=box)
        half = max(box.w, box.h) * (0.5 + MARGIN) * scale
        x, y = (box.x + box.w / 2) * scale, (box.y + box.h / 2) * scale
        left, top = max(0, round(x - half)), max(0, round(y - half))
        right, bottom = min(picture.width, round(x + half)), min(picture.height, round(y + half))
        picture = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
        before = picture.width
        picture.thumbnail((side, side), Pillow.Resampling.LANCZOS)
        shrunk, place = picture.width / before, box.scaled(scale)
        place = Box(place.x - left, place.y - top, place.w, place.h).scaled(shrunk)
        return Cut(_encoded(picture), picture.width, picture.height, place)


def _encoded(picture: Pillow.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
