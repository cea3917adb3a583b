"""Small pictures made for tests, and what to expect of them."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from vision import images
from vision.exceptions import IMAGE_ERRORS, InvalidImage

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def two_colours(size: tuple[int, int] = (64, 48)) -> Pillow.Image:
    """The left half red, the right half blue."""
    picture = Pillow.new("RGB", size, RED)
    picture.paste(BLUE, (size[0] // 2, 0, *size))
    return picture


def save(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def code_of(function: Any, *args: Any) -> str:
    with pytest.raises(InvalidImage) as caught:
        function(*args)
    assert caught.value.code in IMAGE_ERRORS
    assert caught.value.__cause__ is None
    return str(caught.value.code)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *extra: bytes, rows: int | None = None, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG made by hand: black grey pixels, `extra` chunks before them, only `rows` of the rows if given."""
    packer = zlib.compressobj(9)
    line = bytes(width * {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8 + 1)
    body = b"".join(packer.compress(line) for _ in range(height if rows is None else rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", body), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


JPEG = save(two_colours(), "JPEG", quality=95)


def assert_two_colours(image: images.Image, *, left: Any = RED, right: Any = BLUE, tolerance: int = 12) -> None:
    height, width = image.shape[:2]
    assert image.dtype == np.uint8
    assert image.shape[2:] == (3,)
    assert image.flags.c_contiguous
    for x, colour in ((width // 4, left), (3 * width // 4, right)):
        assert np.abs(image[height // 2, x].astype(int) - np.array(colour)).max() <= tolerance
