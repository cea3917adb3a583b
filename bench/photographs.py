"""The photographs that are measured: pictures inside installed packages, at a given size."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from demo.photographs import packaged

PACKAGED = {"one face": "skimage/data/astronaut.png", "six faces": "insightface/data/images/t1.jpg"}
QUALITY = 90


def photograph(name: str, side: int) -> bytes:
    """A JPEG file whose longest side is `side` pixels."""
    with Image.open(BytesIO(packaged(PACKAGED[name]))) as picture:
        scale = side / max(picture.size)
        resized = picture.convert("RGB").resize((round(picture.width * scale), round(picture.height * scale)))
    buffer = BytesIO()
    resized.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
