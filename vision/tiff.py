"""Refuses TIFF directories that unfold into many times their size, and the raw files of cameras."""

from __future__ import annotations

import struct

from vision.exceptions import invalid_image

MAX_ENTRIES = 1000
MAX_VALUES = 65_536  # of one entry; 30,000 rows of one strip each need 30,000
BYTES = {1, 2, 6, 7}  # types whose values stay one string: BYTE, ASCII, SBYTE, UNDEFINED
NEW_SUBFILE_TYPE, DNG_VERSION = 254, 50706
REDUCED = 1  # bit of NewSubfileType: the first image is a smaller version of another one in the file
CANON = b"CR"  # behind the header of its raw files
OFFSETS = {273, 324}  # StripOffsets and TileOffsets: each value becomes a record whatever its type


def check_directory(data: bytes) -> None:
    """Raise `InvalidImage` when the first directory of a TIFF or BigTIFF holds absurdly many entries or values, or no
    photograph of full size, as in the raw files of cameras.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    place, number, entry = ("Q", "Q", "HHQ8s") if big else ("L", "H", "HHL4s")
    try:
        (start,) = struct.unpack_from(order + place, data, 8 if big else 4)
        (entries,) = struct.unpack_from(order + number, data, start)
        start += struct.calcsize(order + number)
        end = start + min(entries, MAX_ENTRIES) * struct.calcsize(order + entry)
        found = list(struct.iter_unpack(order + entry, data[start:end]))
    except (struct.error, OverflowError):
        raise invalid_image("image.truncated") from None
    unfolds = any(count > MAX_VALUES and (tag in OFFSETS or kind not in BYTES) for tag, kind, count, _ in found)
    if entries > MAX_ENTRIES or unfolds:
        raise invalid_image("image.truncated")
    values = {tag: value for tag, _, _, value in found}
    (subfile,) = struct.unpack_from(order + "L", values.get(NEW_SUBFILE_TYPE, bytes(4)))
    if DNG_VERSION in values or subfile & REDUCED or data[8:10] == CANON:
        raise invalid_image("image.unsupported_format")
