"""Removing what a camera and its programs add to a photograph: position, times, serial numbers, names, previews.

Pixels, colour profile and orientation stay, bit by bit. JPEG, PNG and WebP lose the parts of the file that hold
metadata; in HEIC and AVIF these are overwritten where they are, because everything else in the file is found by its
position. TIFF, GIF and BMP are returned as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from zlib import crc32

from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from PIL.ExifTags import Base as Tag

EXIF = b"Exif\0\0"
EMPTY = b"MM\0*" + struct.pack(">IHI", 8, 0, 0)  # a directory without entries
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# Segments that a decoder needs: JFIF (APP0), colour profile (APP2 with this name), Adobe's colour transform (APP14).
# APP1 holds Exif and XMP, APP2 also previews (MPF), APP13 IPTC; FE is a comment.
PROFILE = b"ICC_PROFILE\0"
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_METADATA = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"caBX"}
WEBP_METADATA = {b"EXIF", b"XMP "}
WEBP_EXIF_FLAG, WEBP_XMP_FLAG = 0x08, 0x04
BOXED = {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"}


def without_metadata(data: bytes) -> bytes:
    """The file without metadata; the same for a file that has none. A file that cannot be read is returned as it is."""
    try:
        if data.startswith(JPEG_START):
            return _jpeg(data)
        if data.startswith(PNG_START):
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[4:8] == b"ftyp" and data[8:12] in BOXED:
            return _boxed(data)
    except (struct.error, IndexError, KeyError, ValueError):
        pass
    return data


def orientation_of(data: bytes) -> int:
    """1 to 8, as Exif has it; 1 for a file that does not say."""
    try:
        with Pillow.open(BytesIO(data)) as picture:
            found = picture.getexif().get(Tag.Orientation, 1)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Pillow.DecompressionBombError):
        return 1
    return found if found in range(1, 9) else 1


def _exif(orientation: int) -> bytes:
    """A directory of Exif with the orientation alone."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, Tag.Orientation, 3, 1, orientation, 0, 0)


# ---- JPEG -------------------------------------------------------------------------------------------------------
def _jpeg(data: bytes) -> bytes:
    orientation, kept = orientation_of(data), [JPEG_START]
    if orientation != 1:
        payload = EXIF + _exif(orientation)
        kept.append(b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload)
    first = len(kept)
    for marker, part in _segments(data):
        if marker == 0xE0 and len(kept) == first and first == 2:
            kept.insert(1, part)  # JFIF comes first
        elif _is_needed(marker, part):
            kept.append(part)
    return b"".join(kept)


def _is_needed(marker: int, part: bytes) -> bool:
    if marker == 0xE2:
        return part[4:].startswith(PROFILE)
    return marker in (0xE0, 0xEE) or not (0xE1 <= marker <= 0xEF or marker == 0xFE)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment after the start; a scan with its pixels is one. Nothing after the end."""
    at = 2
    while at < len(data):
        start = at
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise ValueError("no marker")
        if marker == 0xD9:
            yield marker, JPEG_END
            return
        if 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 2
        else:
            at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
        if marker == 0xDA:
            at = _end_of_scan(data, at)
        yield marker, data[start:at]


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the next marker is that ends a scan; the end of the file if it is cut off."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        elif data[at + 1] == 0xFF:
            at += 1
        else:
            return at
    return len(data)


# ---- PNG and WebP -----------------------------------------------------------------------------------------------
def _png(data: bytes) -> bytes:
    orientation, kept, at = orientation_of(data), [PNG_START], len(PNG_START)
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        part = data[at : at + 12 + length]
        if kind not in PNG_METADATA:
            kept.append(part)
        if kind == b"IHDR" and orientation != 1:
            kept.append(_png_chunk(b"eXIf", _exif(orientation)))
        at += 12 + length
        if kind == b"IEND":
            break
    return b"".join(kept)


def _png_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", crc32(kind + payload))


def _webp(data: bytes) -> bytes:
    orientation, kept, at = orientation_of(data), list[bytes](), 12
    while at + 8 <= len(data):
        kind, length = struct.unpack("<4sI", data[at : at + 8])
        part = data[at : at + 8 + length + length % 2]
        if kind == b"VP8X":
            flags = part[8] & ~(WEBP_XMP_FLAG | WEBP_EXIF_FLAG) | (WEBP_EXIF_FLAG if orientation != 1 else 0)
            part = part[:8] + bytes([flags]) + part[9:]
        if kind not in WEBP_METADATA:
            kept.append(part)
        at += 8 + length + length % 2
    if orientation != 1:
        payload = _exif(orientation)
        kept.append(b"EXIF" + struct.pack("<I", len(payload)) + payload)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


# ---- HEIC and AVIF: boxes of ISO 14496-12, items of which are found by their position -----------------------------
def _boxed(data: bytes) -> bytes:
    """Items of Exif and XMP, overwritten with an empty directory and blanks. The file itself says how it is turned."""
    meta = next(((start, end) for kind, start, end in _boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        return data
    parts = {kind: (start, end) for kind, start, end in _boxes(data, meta[0] + 4, meta[1])}
    kinds = _kinds(data, *parts[b"iinf"])
    written = bytearray(data)
    for item, start, length in _places(data, parts[b"iloc"][0], parts.get(b"idat", (0, 0))[0]):
        empty = {b"Exif": bytes(4) + EMPTY, b"mime": b""}.get(kinds.get(item, b""))
        if empty is not None and start + length <= len(data):
            blank = b" " if kinds[item] == b"mime" else b"\0"
            written[start : start + length] = empty[:length] + blank * (length - len(empty[:length]))
    return bytes(written)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, and where the content starts and ends, of the boxes between two positions."""
    while at + 8 <= end:
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        start = at + 8
        if size == 1:
            size, start = int(struct.unpack(">Q", data[start : start + 8])[0]), start + 8
        stop = at + size if size else end
        if stop <= at or stop > end:
            raise ValueError("a box that leaves its place")
        yield kind, start, stop
        at = stop


def _kinds(data: bytes, start: int, end: int) -> dict[int, bytes]:
    """Of each item by its id, such as `Exif`."""
    first = start + (6 if data[start] == 0 else 8)
    kinds = {}
    for kind, at, _ in _boxes(data, first, end):
        if kind == b"infe" and data[at] >= 2:
            wide = data[at] > 2
            item = int.from_bytes(data[at + 4 : at + (8 if wide else 6)])
            at += 10 if wide else 8
            kinds[item] = data[at : at + 4]
    return kinds


def _places(data: bytes, at: int, idat: int) -> Iterator[tuple[int, int, int]]:
    """Item, position and length of each extent of the items."""
    version, sizes = data[at], data[at + 4 : at + 6]
    of_offset, of_length, of_base = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    of_index = sizes[1] & 15 if version else 0
    at += 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(data[at - size : at])

    wide = 4 if version == 2 else 2
    for _ in range(number(wide)):
        item, method = number(wide), number(2) if version else 0
        number(2)
        base = number(of_base) + (idat if method == 1 else 0)
        for _ in range(number(2)):
            number(of_index)
            place = base + number(of_offset), number(of_length)
            yield item, *place
