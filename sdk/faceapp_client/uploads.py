"""Images to send: paths, bytes, bytes with a name, open files, or Pillow images (Pillow is needed for these only)."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Union, cast

from faceapp_client.retries import FilePart

if TYPE_CHECKING:
    from PIL.Image import Image

ImageSource = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, IO[bytes], tuple[str, bytes], "Image"]


UNDECODED = re.compile("[\ud800-\udfff]")  # how Python holds the bytes of a file name that are not UTF-8


def part(field: str, source: ImageSource) -> FilePart:
    """The file part of an image, read whole so that the call can be repeated. Raises `OSError` and `TypeError`.

    The service learns the name of a file, never its folder. Bytes of a name that are not UTF-8 are replaced.
    """
    name, content = _read(source)
    return field, (UNDECODED.sub("\ufffd", name), content)


def parts(field: str, sources: Iterable[ImageSource]) -> list[FilePart]:
    """One part for each image, in order. Raises as `part`, and `TypeError` for a single image instead of a list."""
    if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike):
        raise TypeError("Several images are wanted: put a single one into a list.")
    return [part(field, source) for source in sources]


def read_file(path: Path) -> bytes:
    """The content of a file. Raises `OSError`, also for a pipe or a device, which could make the program wait."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return path.read_bytes()


def _read(source: ImageSource) -> tuple[str, bytes]:
    """Name and content."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return path.name, read_file(path)
    if isinstance(source, bytes | bytearray | memoryview):
        return "image", bytes(source)
    if isinstance(source, tuple):
        return source
    if hasattr(source, "getexif"):
        from PIL import ImageOps

        buffer = BytesIO()  # upright, because the orientation that EXIF states would be lost otherwise
        ImageOps.exif_transpose(cast("Image", source)).convert("RGB").save(buffer, "JPEG", quality=95)
        return "image.jpg", buffer.getvalue()
    if hasattr(source, "read"):
        name, content = getattr(source, "name", None), source.read()
        if not isinstance(content, bytes):
            raise TypeError("The file is open as text; open it with mode 'rb'.")
        return Path(name).name if isinstance(name, str) else "image", content
    expected = "a path, bytes, (name, bytes), an open file or a Pillow image"
    raise TypeError(f"An image is {expected}, not {type(source).__name__}.")
