"""What decoding takes at its peak: `python -m bench.decoding` prints the bytes of memory and the seconds of processor
time for each kind of file, of 5000 x 5000 pixels. Linux only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL.ExifTags import Base as Tag

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceapp.settings")

from vision.images import Limits, decode

SIDE = 5000  # pixels
ON_ITS_SIDE = 6


def files() -> Iterator[tuple[str, bytes]]:
    """Every kind of file, upright and, where that makes a difference, on its side."""
    across = np.arange(SIDE)
    grey = Pillow.fromarray((120 + 60 * np.add.outer(np.sin(across / 40), np.cos(across / 31))).astype(np.uint8))
    colour = Pillow.merge("RGB", (grey, grey.transpose(Pillow.Transpose.ROTATE_90), grey))
    clear = colour.convert("RGBA")
    clear.putalpha(grey)
    grey_clear = grey.convert("LA")
    grey_clear.putalpha(grey)
    wide = np.asarray(grey)
    flate: dict[str, Any] = {"compression": "tiff_adobe_deflate"}
    exif = Pillow.Exif()
    exif[Tag.Orientation] = ON_ITS_SIDE
    for kind, options in (("JPEG", {}), ("PNG", {"compress_level": 1}), ("TIFF", flate), ("WEBP", {"method": 0})):
        yield f"{kind} on its side", _saved(colour, kind, exif=exif, **options)
    yield "JPEG", _saved(colour, "JPEG")
    yield "JPEG progressive", _saved(colour, "JPEG", progressive=True)
    yield "JPEG progressive 4:4:4", _saved(colour, "JPEG", progressive=True, subsampling=0)
    yield "JPEG CMYK", _saved(colour.convert("CMYK"), "JPEG")
    yield "JPEG CMYK progressive", _saved(colour.convert("CMYK"), "JPEG", progressive=True)
    for picture in (grey.convert("1"), grey.convert("P"), grey_clear, colour, clear):
        yield f"PNG {picture.mode}", _saved(picture, "PNG", compress_level=1)
    yield "PNG I;16", _saved(Pillow.fromarray(wide.astype(np.uint16) * 256), "PNG", compress_level=1)
    for picture in (grey.convert("P"), grey_clear, colour, clear, colour.convert("CMYK")):
        yield f"TIFF {picture.mode}", _saved(picture, "TIFF", **flate)
    for dtype in (np.uint16, np.int32, np.float32):
        yield f"TIFF {np.dtype(dtype)}", _saved(Pillow.fromarray(wide.astype(dtype)), "TIFF", **flate)
    yield "GIF", _saved(grey.convert("P"), "GIF")
    yield "BMP", _saved(colour, "BMP")
    yield "HEIC", _saved(colour, "HEIF", quality=30)
    yield "HEIC 4:4:4", _saved(colour, "HEIF", quality=30, chroma=444)
    yield "HEIC RGBA", _saved(clear, "HEIF", quality=30)
    yield "AVIF", _saved(colour, "AVIF", speed=10)
    yield "AVIF RGBA 4:4:4", _saved(clear, "AVIF", speed=10, subsampling="4:4:4")
    yield "WebP", _saved(colour, "WEBP", method=0)
    yield "WebP RGBA", _saved(clear, "WEBP", method=0)
    yield "WebP lossless", _saved(colour, "WEBP", lossless=True, method=0, quality=0)
    yield "WebP RGBA lossless", _saved(clear, "WEBP", lossless=True, method=0, quality=0)


def _saved(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def report(file: str) -> None:
    """Decode a file and print what that took beyond what the process had."""
    data = Path(file).read_bytes()
    decode(_saved(Pillow.new("RGB", (8, 8)), "JPEG"))
    before, started = _memory("VmRSS"), time.process_time()
    with Path("/proc/self/clear_refs").open("w") as peak:
        peak.write("5")  # forget the peak
    decode(data, limits=Limits(1 << 30, 2 * SIDE * SIDE))
    seconds, most = time.process_time() - started, _memory("VmHWM")
    print(f"{(most - before) / SIDE**2:5.1f} bytes for each pixel, {seconds:4.2f} s")


def _memory(what: str) -> int:
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        report(sys.argv[1])
    else:
        for name, data in files():
            with NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                print(f"{name:24}", end=" ", flush=True)
                subprocess.run([sys.executable, "-m", "bench.decoding", file.name], check=True)
