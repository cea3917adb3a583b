"""Images to send: paths, bytes, bytes with a name, open files, or Pillow images (Pillow is needed for these only)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Union

from faceapp_client.exchange import FilePart

if TYPE_CHECKING:
    from PIL.Image import Image

ImageSource = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, IO[bytes], tuple[str, bytes], "Image"]


def part(field: str, source: ImageSource) -> FilePart:
    """The file part of an image, read whole so that the call can be repeated. Raises `OSError` and `TypeError`.

    The service is told the name of a file, never its folder.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return field, (path.name, path.read_bytes())
    if isinstance(source, bytes | bytearray | memoryview):
        return field, ("image", bytes(source))
    if isinstance(source, tuple):
        return field, source
    if hasattr(source, "getexif"):
        return field, ("image.jpg", _encoded(source))
    if hasattr(source, "read"):
        return field, (_name_of(source), _content(source))
    raise TypeError(
        f"An image is a path, bytes, (name, bytes), an open file or a Pillow image, not {type(source).__name__}."
    )


def parts(field: str, sources: Iterable[ImageSource]) -> list[FilePart]:
    """One part for each image, in order. Raises as `part`, and `TypeError` for one image that is no list."""
    if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike):
        raise TypeError("Several images are wanted: put a single one into a list.")
    return [part(field, source) for source in sources]


def _encoded(picture: Any) -> bytes:
    """A Pillow image as JPEG of high quality, upright: what EXIF says of its orientation would be lost otherwise."""
    from PIL import ImageOps

    buffer = BytesIO()
    ImageOps.exif_transpose(picture).convert("RGB").save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _name_of(file: IO[bytes]) -> str:
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else "image"


def _content(file: IO[bytes]) -> bytes:
    content = file.read()
    if not isinstance(content, bytes):
        raise TypeError("The file is open as text; open it with mode 'rb'.")
    return content
