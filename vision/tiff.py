"""Refuses TIFF directories that unfold into many times their size when they are read."""

from __future__ import annotations

import struct

from vision.exceptions import invalid_image

MAX_ENTRIES = 1000
MAX_VALUES = 65_536  # of one entry; 30,000 rows of one strip each need 30,000
BYTES = {1, 2, 6, 7}  # types whose values stay one string: BYTE, ASCII, SBYTE, UNDEFINED
OFFSETS = {273, 324}  # StripOffsets and TileOffsets: each value becomes a record whatever its type


def check_directory(data: bytes) -> None:
    """Raise `InvalidImage` when the first directory of a TIFF or BigTIFF holds absurdly many entries or values."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    place, number, entry = ("Q", "Q", "HHQ8x") if big else ("L", "H", "HHL4x")
    try:
        (start,) = struct.unpack_from(order + place, data, 8 if big else 4)
        (entries,) = struct.unpack_from(order + number, data, start)
        start += struct.calcsize(order + number)
        end = start + min(entries, MAX_ENTRIES) * struct.calcsize(order + entry)
        found = list(struct.iter_unpack(order + entry, data[start:end]))
    except (struct.error, OverflowError):
        raise invalid_image("image.truncated") from None
    unfolds = any(count > MAX_VALUES and (tag in OFFSETS or kind not in BYTES) for tag, kind, count in found)
    if entries > MAX_ENTRIES or unfolds:
        raise invalid_image("image.truncated")
