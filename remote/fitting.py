"""Pictures of one face, made to fit what a service takes."""

from __future__ import annotations

from io import BytesIO

from PIL import Image as Pillow

from remote.contract import Abilities
from remote.exceptions import ImageRefused

QUALITIES = (90, 75, 60)
SHRINK = 0.7
LEAST = 8  # pixels: what is smaller shows nothing that could be enlarged


def fitted(jpeg: bytes, abilities: Abilities) -> bytes:
    """The upright picture within the limits: enlarged if it is too small, compressed and scaled down if too large.

    Raises `ImageRefused` if there is no way, with the limit.
    """
    with Pillow.open(BytesIO(jpeg)) as opened:
        if min(opened.size) >= abilities.smallest_side and len(jpeg) <= abilities.largest_bytes:
            return jpeg
        picture = opened.convert("RGB")
    if min(picture.size) < LEAST:
        raise ImageRefused(f"{abilities.label} takes pictures of {abilities.smallest_side} pixels or more.")
    picture = _enlarged(picture, abilities.smallest_side)
    while min(picture.size) >= abilities.smallest_side:
        for quality in QUALITIES:
            if len(data := _encoded(picture, quality)) <= abilities.largest_bytes:
                return data
        picture = picture.resize((round(picture.width * SHRINK), round(picture.height * SHRINK)))
    raise ImageRefused(f"{abilities.label} takes images of {abilities.largest_bytes} bytes at most.")


def _enlarged(picture: Pillow.Image, side: int) -> Pillow.Image:
    factor = side / min(picture.size)
    if factor <= 1:
        return picture
    size = (max(side, round(picture.width * factor)), max(side, round(picture.height * factor)))
    return picture.resize(size, Pillow.Resampling.LANCZOS)


def _encoded(picture: Pillow.Image, quality: int) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
