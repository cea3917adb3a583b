"""Real photographs for tests: who is on the test photographs, and pictures put together from them."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

# one person and nobody else on the picture, by the name that starts the file's name
PORTRAITS = {
    "obama": ["obama_1.jpg", "obama_2.jpg", "obama_3.jpg", "obama_4.jpg", "obama_1080p.jpg", "obama_240p.jpg",
              "obama_2_rgba.png"],
    "biden": ["biden_1.jpg", "biden_2.jpg"],
    "alex": ["alex_1.jpg", "alex_2.jpg", "alex_3.png"],
    "lin": ["lin_1.png"],
    "rose": ["rose_1.jpg", "rose_2.jpg"],
    "kit": ["kit_1.jpg"],
}  # fmt: skip
GROUPS = {
    "obama_and_biden.jpg": {"obama", "biden"},
    "obama_and_biden_2.jpg": {"obama", "biden"},
    "kit_and_rose.jpg": {"kit", "rose"},
}


def side_by_side(*files: Path, height: int = 500) -> bytes:
    """A JPEG with the photographs in a row, all of one height."""
    pictures = [Image.open(file).convert("RGB") for file in files]
    scaled = [picture.resize((round(picture.width * height / picture.height), height)) for picture in pictures]
    row = Image.new("RGB", (sum(picture.width for picture in scaled), height))
    left = 0
    for picture in scaled:
        row.paste(picture, (left, 0))
        left += picture.width
    return jpeg(row)


def reduced(file: Path, side: int = 600) -> bytes:
    """The photograph with at most `side` pixels, in the format and the colours of the file."""
    with Image.open(file) as picture:
        kind = picture.format
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, kind, quality=92)
    return buffer.getvalue()


def faceless() -> bytes:
    """A picture with structure but without a face."""
    return jpeg(Image.effect_mandelbrot((640, 480), (-2.2, -1.2, 0.8, 1.2), 60).convert("RGB"))


def jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
