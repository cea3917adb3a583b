"""Reads images: text or bytes in, an upright RGB array out. Every limit on input lives here and in `vision.sources`.

`read_text` and `sniff` are cheap and run in web processes; `decode` touches pixels and runs in workers.
Names and declared types are never trusted: the first bytes choose the only decoder that is tried.
"""

from __future__ import annotations

import re
import sys
import unicodedata
import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from django.conf import settings
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as Pillow
from PIL.ExifTags import Base as Tag
from PIL.ImageFile import ImageFile
from pillow_heif import HeifImageFile, register_heif_opener

from vision import memory
from vision.exceptions import InvalidImage, invalid_image
from vision.pixels import SIDEWAYS, upright_rgb
from vision.regions import Stored
from vision.sources import read_text
from vision.tiff import check_directory
from vision.types import Box, Image

__all__ = [
    "SIDEWAYS", "ImageInfo", "Limits", "decode", "decode_at_least", "decode_reduced", "identify", "is_plain_jpeg",
    "may_be_image", "packet_of", "read_text", "safe_name", "sniff",
]  # fmt: skip

MAX_SIDE = 30_000  # pixels
MAX_HEADER_READS = 20_000  # a photograph needs about a hundred, 100 kB of XMP in a GIF 800
MAX_NAME = 100  # characters
MAX_NAME_BYTES = 200  # file systems take 255, and a storage adds a suffix to a name that is taken
MAX_IDENTIFIER = 100  # characters
REDUCIBLE = {"JPEG"}  # formats that can be reduced while they are decoded
COSTLY = {
    "WEBP",
    "AVIF",
}  # formats whose decoders take up to 17 bytes for each pixel, others up to 12
BLANK_PIXELS = 1_000_000  # from here on a file may be too small for them
# The smallest photographs, enlarged and compressed at the lowest quality, have 400; those of one colour 1,600 as HEIC,
# 22,000 as AVIF, 660,000 as WebP.
MAX_PIXELS_PER_BYTE = 2000
URL = re.compile(r"(?i)(https?://)(?:[^/?#]*@)?([^?#]*)")
JPEG_END = b"\xff\xd9"  # cameras in networks often leave it out
JPEG_SCAN = b"\xff\xda"  # before pixels, in which neither of the two occurs
JPEG_BLOCK = 16  # pixels, the largest

# Pillow warns about large pictures and odd metadata; both are handled here.
warnings.filterwarnings("ignore", category=Pillow.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")
# Plugins ask for it before they allocate; the narrower limit of most callers is checked here.
Pillow.MAX_IMAGE_PIXELS = max(settings.MAX_IMAGE_PIXELS, settings.MAX_ORIGINAL_PIXELS)
# XMP, workflows and colour profiles of a megabyte and more are common. Pillow takes this as the limit of each of them.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024 * 1024
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


@dataclass(frozen=True)
class Limits:
    """What one call accepts: bytes of the file, and pixels (width times height) of the image.

    `whole`: pixels of an image in a format that cannot be reduced while it is decoded; None for as many as of others.
    """

    bytes: int
    pixels: int
    whole: int | None = None

    def of_format(self, plugin: str) -> int:
        """The limit on pixels for what this plugin of Pillow reads."""
        limit = self.pixels if self.whole is None or plugin in REDUCIBLE else min(self.whole, self.pixels)
        return limit * 2 // 3 if plugin in COSTLY else limit


def usual_limits() -> Limits:
    """For every call that does not ask for others."""
    return Limits(settings.MAX_IMAGE_BYTES, settings.MAX_IMAGE_PIXELS, settings.MAX_WHOLE_PIXELS)


@dataclass(frozen=True)
class Format:
    """A file format: the name of the Pillow plugin that reads it and how its files begin."""

    plugin: str
    extension: str
    content_type: str
    start: re.Pattern[bytes]


def _format(reader: type[ImageFile], extension: str, content_type: str, start: bytes) -> Format:
    return Format(str(reader.format), extension, content_type, re.compile(start, re.DOTALL))


FORMATS = (
    _format(JpegImagePlugin.JpegImageFile, ".jpg", "image/jpeg", rb"\xff\xd8\xff"),
    _format(PngImagePlugin.PngImageFile, ".png", "image/png", rb"\x89PNG\r\n\x1a\n"),
    _format(WebPImagePlugin.WebPImageFile, ".webp", "image/webp", rb"RIFF....WEBP"),
    _format(GifImagePlugin.GifImageFile, ".gif", "image/gif", rb"GIF8[79]a"),
    _format(BmpImagePlugin.BmpImageFile, ".bmp", "image/bmp", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    _format(TiffImagePlugin.TiffImageFile, ".tif", "image/tiff", rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]"),
    _format(AvifImagePlugin.AvifImageFile, ".avif", "image/avif", rb"....ftyp(?:avi[fs]|m[is]f1.{4}(?:.{4})*?avi[fs])"),
    _format(HeifImageFile, ".heic", "image/heic", rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)"),
)
OTHER_FILES = re.compile(
    rb"%PDF|%!PS|\xc5\xd0\xd3\xc6|\s*<(?:svg|\?xml|!DOCTYPE svg)|8BPS|\0\0[\1\2]\0|....ftyp|\0\0\0\x0cJXL |\xff\x0a"
    rb"|\0\0\0\x0cjP  |\xffO\xffQ|DDS |RIFF|P[1-7]\s|II\xbc|qoif|v/1\x01",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True)
class ImageInfo:
    """What the header of an image file says. Width and height in pixels, before EXIF orientation is applied."""

    format: str
    width: int
    height: int
    extension: str
    content_type: str


def sniff(data: bytes, *, limits: Limits | None = None) -> ImageInfo:
    """Check the size in bytes, the format and the number of pixels by the header alone; no pixel is decoded.

    Raises `InvalidImage`: `image.empty`, `image.too_large`, `image.not_an_image`, `image.unsupported_format`,
    `image.truncated` (the header cannot be read), `image.too_many_pixels`, or `image.blank` when the file is too small
    to show anything in so many pixels.
    """
    picture, info = _open(data, limits)
    picture.close()
    return info


def decode(data: bytes, *, limits: Limits | None = None) -> Image:
    """The first frame of an encoded image as (height, width, 3) RGB, C-contiguous, read-only, upright by EXIF.

    Grey, CMYK, palette and 16-bit pictures become 8-bit RGB; transparent parts become white, as viewers show them,
    because the colour stored beneath them is arbitrary. Takes at most 12 bytes of memory for each pixel that the format
    may have (docs/operations.md). Raises `InvalidImage` like `sniff`, `image.truncated` when the pixels are incomplete,
    and `image.too_costly` when memory does not suffice.
    """
    picture, _ = _open(data, limits)
    with picture:
        return _loaded(picture, limits)


def decode_at_least(data: bytes, *, side: int) -> tuple[Image, tuple[int, int]]:
    """`decode`, and the width and height of the photograph in pixels.

    Where the format allows it (JPEG), the image is smaller than the photograph: reduced to an eighth, a quarter or half
    while it is decoded, so that its longer side keeps at least `side` pixels. That takes half of the time and no memory
    for the other pixels, save for progressive files, whose decoder keeps up to 6 bytes for each pixel all the same:
    hence the limit on pixels always counts those of the photograph.
    """
    picture, info = _open(data)
    with picture:
        is_reduced = _reduce(picture, max(info.width, info.height) / side)
        turned = _orientation(picture) in SIDEWAYS
        image = _loaded(picture)
    if is_reduced:
        return image, (info.height, info.width) if turned else (info.width, info.height)
    return image, (image.shape[1], image.shape[0])


def decode_reduced(data: bytes, *, side: int, box: Box | None = None) -> tuple[Pillow.Image, float]:
    """The upright RGB picture for people to look at, and its scale (1: not reduced).

    Where the format allows it, the picture is reduced while it is decoded, so that its longer side (or that of `box`,
    in pixels of the upright picture) keeps at least `side` pixels. Raises `InvalidImage` like `decode`.
    """
    picture, info = _open(data)
    with picture:
        # Of a TIFF, Pillow answers the upright size at once.
        turned = info.format != "TIFF" and _orientation(picture) in SIDEWAYS
        _reduce(picture, (max(box.w, box.h) if box else max(info.width, info.height)) / side)
        image = _loaded(picture)
    return Pillow.fromarray(image), image.shape[1] / (info.height if turned else info.width)


def is_plain_jpeg(data: bytes, *, limits: Limits | None = None) -> bool:
    """Whether this is a JPEG file in colour or grey that is upright as stored. Raises `InvalidImage` like `sniff`."""
    picture, info = _open(data, limits)
    with picture:
        return info.format == "JPEG" and picture.mode in ("RGB", "L") and _orientation(picture) == 1


def may_be_image(start: bytes) -> bool:
    """Whether a file that begins with these bytes, 64 or more, is in a format that is read here."""
    return any(kind.start.match(start[:64]) for kind in FORMATS)


def packet_of(data: bytes) -> tuple[bytes, Stored]:
    """The XMP packet of an image file, empty without one, and the picture as it is stored; no pixel is decoded.

    Parts of a packet in further segments of a JPEG file, as from 64 kB on, are left out. Raises `InvalidImage` like
    `sniff`.
    """
    picture, info = _open(data)
    with picture:
        found, orientation = picture.info.get("xmp", b""), _orientation(picture)
        packet = found if isinstance(found, bytes) else str(found).encode()
        width, height = info.width, info.height
        if info.format == "TIFF" and orientation in SIDEWAYS:  # Pillow answers the upright size at once
            width, height = height, width
        return packet, Stored(width, height, orientation)


def identify(text: str) -> str:
    """How answers name an input: its first 100 characters, and `...` if there were more; safe to store.

    Of a URL without user, password, query and fragment, in which signatures and keys are sent.
    """
    if url := URL.match(text):
        text = url[1] + url[2]
    start = text[:MAX_IDENTIFIER].encode("utf-8", "replace").decode().replace("\0", "?")
    return f"{start}..." if len(text) > MAX_IDENTIFIER else start


def safe_name(name: str | None, info: ImageInfo) -> str:
    """The caller's file name without folders, control and special characters, with the extension of the real format.

    At most 100 characters and 200 bytes; `image` when nothing is left. It serves display and storage, never lookup.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFKC", name or ""))[-1]
    stem = re.sub(r"\.\w{1,5}$", "", last)
    stem = re.sub(r"[^\w-]+", "_", stem).strip("_-")[: MAX_NAME - len(info.extension)]
    stem = stem.encode()[: MAX_NAME_BYTES - len(info.extension)].decode(errors="ignore")
    return (stem or "image") + info.extension


def _open(data: bytes, limits: Limits | None = None) -> tuple[Pillow.Image, ImageInfo]:
    limits = limits or usual_limits()
    if not data:
        raise invalid_image("image.empty")
    if len(data) > limits.bytes:
        raise invalid_image("image.too_large", limit=limits.bytes)
    data = data[len(data[:64]) - len(data[:64].lstrip(b"\r\n")) :]  # some programs send a blank line first
    kind = next((kind for kind in FORMATS if kind.start.match(data[:64])), None)
    if kind is None:
        raise invalid_image("image.unsupported_format" if OTHER_FILES.match(data[:64]) else "image.not_an_image")
    if kind.plugin == "TIFF":
        check_directory(data)
    header = _Header(data)
    if kind.plugin == "JPEG" and data.rfind(JPEG_END) < data.rfind(JPEG_SCAN):
        header = _Header(data + JPEG_END)
        header.lacks_end = True
    try:
        picture = Pillow.open(header, formats=[kind.plugin])
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise _too_many_pixels(limits.of_format(kind.plugin)) from None
    except Exception:  # plugins raise whatever a broken header provokes
        raise invalid_image("image.truncated") from None
    _check_pixels(*picture.size, limits.of_format(kind.plugin))
    if picture.width * picture.height > max(BLANK_PIXELS, MAX_PIXELS_PER_BYTE * len(data)):
        raise invalid_image("image.blank")
    header.reads_left, header.height = sys.maxsize, picture.height
    return picture, ImageInfo(kind.plugin, *picture.size, kind.extension, kind.content_type)


def _reduce(picture: Pillow.Image, shrink: float) -> bool:
    """Have an opened picture decoded up to `shrink` times smaller, if its format can. Returns whether it will be."""
    width, height = picture.size
    shrink = max(shrink, 1.0)
    picture.draft("RGB", (max(int(width / shrink), 1), max(int(height / shrink), 1)))
    return picture.size != (width, height)


def _loaded(picture: Pillow.Image, limits: Limits | None = None) -> Image:
    """The pixels of an opened picture, upright, in RGB."""
    header = picture.fp if isinstance(picture, ImageFile) else None
    try:
        picture.load()
        if isinstance(header, _Header) and header.lacks_end and not _is_whole(picture, header.height):
            raise invalid_image("image.truncated")
        limit = (limits or usual_limits()).of_format(str(picture.format))
        _check_pixels(*picture.size, limit)  # HEIF learns its real size while it decodes
        orientation = _orientation(picture)
        _release(picture)
        return upright_rgb(picture, orientation)
    except InvalidImage:
        raise
    except Exception as error:  # decoders raise whatever a broken file provokes
        raise invalid_image("image.too_costly" if memory.is_short(error) else "image.truncated") from None


def _release(picture: Pillow.Image) -> None:
    """Free what decoders keep after the pixels are loaded: for WebP 12 bytes for each of them."""
    if isinstance(picture, WebPImagePlugin.WebPImageFile | AvifImagePlugin.AvifImageFile):
        picture.fp = picture._decoder = None


def _is_whole(picture: Pillow.Image, height: int) -> bool:
    """Whether a JPEG file without its end marker, of a picture of `height` pixels, lacks no more than its last row of
    blocks.

    The decoder fills what is missing with one colour, so the end of the row above must show more than one. What is
    missing of a progressive file cannot be seen.
    """
    if picture.info.get("progressive"):
        return False
    block = -(-JPEG_BLOCK * picture.height // height)
    edge = block // 4  # where colours are mixed with those of the blocks beside
    right, bottom = picture.width, picture.height - block
    end = np.asarray(picture.crop((max(right + edge - block, 0), max(bottom + edge - block, 0), right, max(bottom, 0))))
    return bool(end.size and (end != end[0, 0]).any())


class _Header(BytesIO):
    """A file whose header may be read in a limited number of steps: millions of empty blocks would keep a web process
    busy.
    """

    reads_left = MAX_HEADER_READS
    lacks_end = False  # of a JPEG file
    height = 0  # pixels of the picture in the file

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads_left -= 1
        if self.reads_left < 0:
            raise ValueError("too many blocks")
        return super().read(size)


def _check_pixels(width: int, height: int, limit: int) -> None:
    if width * height > limit or max(width, height) > MAX_SIDE:
        raise _too_many_pixels(limit)
    if width * height == 0:
        raise invalid_image("image.truncated")


def _too_many_pixels(limit: int) -> InvalidImage:
    return invalid_image("image.too_many_pixels", limit=limit, side=MAX_SIDE)


def _orientation(picture: Pillow.Image) -> int:
    try:
        return int(picture.getexif().get(Tag.Orientation, 1))
    except Exception:  # damaged metadata does not spoil a good picture
        return 1
