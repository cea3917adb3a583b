"""Photographs for the app's requests: at an area, on a canvas, in every encoding, and damaged."""

from __future__ import annotations

import io
import math
import struct
from typing import Any

from PIL import Image


def encode(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": 90} if kind == "JPEG" else {}) | options)
    return buffer.getvalue()


def at_area(picture: Image.Image, area: int) -> Image.Image:
    """The picture at about so many pixels, as the app resizes it: both sides rounded for themselves."""
    scale = math.sqrt(area / (picture.width * picture.height))
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)


def on_canvas(picture: Image.Image, width: int, height: int, *, left: int = 0, top: int = 0) -> Image.Image:
    canvas = Image.new("RGB", (width, height), (90, 110, 90))
    canvas.paste(picture, (left, top))
    return canvas


def encodings(picture: Image.Image) -> dict[str, bytes]:
    """The same picture in every form in which a Nextcloud server may send it."""
    grey = picture.convert("L")
    sixteen = Image.frombytes("I;16", grey.size, b"".join(bytes((value, value)) for value in grey.tobytes()))
    return {
        "PNG": encode(picture, "PNG"),
        "RGBA PNG": encode(picture.convert("RGBA"), "PNG"),
        "grey PNG": encode(grey, "PNG"),
        "palette PNG": encode(picture.quantize(256), "PNG"),
        "16-bit PNG": encode(sixteen, "PNG"),
        "progressive JPEG": encode(picture, progressive=True),
        "CMYK JPEG": encode(picture.convert("CMYK")),
    }


def claiming(jpeg: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its frame header."""
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + struct.pack(">HH", height, width) + jpeg[start + 4 :]
