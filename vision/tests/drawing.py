"""Pictures for the fake engine: grey ground, one coloured square per face, the colour is the person."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageDraw

from vision.regions import Region
from vision.sidecars import sidecar

DIM = (80, 5, 5)  # a face that cannot be recognised
RED, GREEN, BLUE, YELLOW = (220, 20, 20), (20, 200, 40), (30, 40, 220), (220, 210, 20)


def picture(*colours: tuple[int, int, int], kind: str = "PNG", side: int = 40) -> bytes:
    """An encoded picture with one square per colour, from left to right."""
    image = Image.new("RGB", (2 * side * max(len(colours), 1), 2 * side), (128, 128, 128))
    draw = ImageDraw.Draw(image)
    for index, colour in enumerate(colours):
        left = 2 * side * index + side // 2
        draw.rectangle([left, side // 2, left + side, side // 2 + side], fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


# Where the squares of `three_people` are: left, top, width and height in shares of the upright picture.
FIRST, SECOND, THIRD = ((left / 480, 0.25, 80 / 480, 0.5) for left in (40, 200, 360))


def three_people(*regions: Region, orientation: int = 1) -> bytes:
    """Red, green and blue in a row as a JPEG file that marks these regions, stored upright or turned (6)."""
    upright = Image.open(io.BytesIO(picture(RED, GREEN, BLUE, side=80)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else upright
    packet = sidecar(regions, width=480, height=160, orientation=orientation)
    buffer = io.BytesIO()
    stored.save(buffer, "JPEG", quality=95, subsampling=0, exif=exif, xmp=packet)
    return buffer.getvalue()


def data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()
