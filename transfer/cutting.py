"""The part of a photograph around a face."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image as Pillow

from environment import read_regular
from vision.images import decode
from vision.regions import Region
from vision.types import Box, Image, Upload

MARGIN = 1.0  # of the region's sides, on each of them: detectors need some of the surroundings
QUALITY = 95


def cut_out(path: Path, name: str, region: Region) -> tuple[Upload, Region]:
    """The part around a region as JPEG, called `name`, and where the region is in it.

    The same file and region make the same bytes. Raises `InvalidImage` or OSError.
    """
    image = _upright(path)
    height, width = image.shape[:2]
    face = region.box(width, height)
    x, y = (max(round(side * MARGIN), 1) for side in (face.w, face.h))  # a region may be smaller than a pixel
    part = Box(face.x - x, face.y - y, face.w + 2 * x, face.h + 2 * y).within(width, height)
    out = BytesIO()
    pixels = image[part.y : part.y + part.h, part.x : part.x + part.w]
    Pillow.fromarray(pixels).save(out, "JPEG", quality=QUALITY, subsampling=0)
    left, top = (face.x - part.x) / part.w, (face.y - part.y) / part.h
    return Upload(out.getvalue(), name), Region(region.name, left, top, face.w / part.w, face.h / part.h)


@lru_cache(maxsize=1)  # the faces of a photograph come one after the other
def _upright(path: Path) -> Image:
    return decode(read_regular(path))
