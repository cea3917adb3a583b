"""Reads forms whose text fields hold many images: image by image as they arrive, and never twice in memory.

A field of images is split at the marker between them. Images stay base64 text until the caller's key has been accepted.
Other fields are short texts. Nothing is written to a disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from rest.multipart import Part, read_parts

MARKER = b"[IMAGE_STREAM_DELIMITER]"
IMAGE_FIELDS = ("picture", "stream")
CHUNK = 64 * 1024  # bytes
MAX_TEXT = 16 * 1024  # bytes of a short field; longer ones hold no name
MAX_FIELDS = 50
TEXT_PER_BYTE = 1.5  # base64 with line breaks
BLANK = b" \t\r\n"


@dataclass
class Form:
    """What was sent: short texts, and for each field of images their texts. An image that is too large is cut off once
    that is certain; it is refused when it is decoded.
    """

    texts: dict[str, str] = field(default_factory=dict)
    images: dict[str, list[bytes]] = field(default_factory=dict)

    def field(self, name: str) -> Images | Text:
        """Where the pieces of a field go as they arrive."""
        if name not in IMAGE_FIELDS:
            return Text(self.texts, name)
        self.images[name] = []
        return Images(self.images[name])


class Text:
    """A short field. Only the start of a longer one is kept, which is refused later."""

    def __init__(self, texts: dict[str, str], name: str) -> None:
        self.texts, self.name, self.data = texts, name, bytearray()

    def feed(self, chunk: bytes) -> None:
        self.data += chunk[: MAX_TEXT - len(self.data)]

    def end(self) -> None:
        self.texts[self.name] = self.data.decode("utf-8", "replace")


class Images:
    """A field of images, split at the marker, which may arrive in two pieces. Images beyond the maximum are dropped."""

    def __init__(self, found: list[bytes]) -> None:
        self.found, self.image, self.tail = found, bytearray(), b""
        self.most = settings.FACEHASH_MAX_IMAGES
        self.largest = int(settings.MAX_IMAGE_BYTES * TEXT_PER_BYTE)

    def feed(self, chunk: bytes) -> None:
        *ended, rest = (self.tail + chunk).split(MARKER)
        for piece in ended:
            self._add(piece)
            self._end_image()
        held = min(len(rest), len(MARKER) - 1)
        self._add(rest[: len(rest) - held])
        self.tail = rest[len(rest) - held :]

    def end(self) -> None:
        self._add(self.tail)
        self._end_image()

    def _add(self, piece: bytes) -> None:
        if len(self.found) < self.most and len(self.image) <= self.largest:
            self.image += piece

    def _end_image(self) -> None:
        if self.image.strip(BLANK):
            self.found.append(bytes(self.image))
        self.image = bytearray()


class _FormParser(BaseParser):
    """Both kinds of forms give a `Form`. Raises `ParseError`, or `RequestDataTooBig` for more than was announced."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        form = Form()
        self.read(stream, form, (parser_context or {})["request"].META)
        return form

    def read(self, stream: IO[bytes], form: Form, meta: dict[str, Any]) -> None:
        raise NotImplementedError


class MultipartFormParser(_FormParser):
    media_type = "multipart/form-data"

    def read(self, stream: IO[bytes], form: Form, meta: dict[str, Any]) -> None:
        count, into = 0, None
        for event in read_parts(stream, meta["CONTENT_TYPE"]):
            if isinstance(event, Part):
                if count >= MAX_FIELDS:
                    raise ParseError("The form has too many fields.")
                count, into = count + 1, form.field(event.name)
            elif into and event is not None:
                into.feed(event)
            elif into:
                into.end()


class UrlEncodedFormParser(_FormParser):
    media_type = "application/x-www-form-urlencoded"

    def read(self, stream: IO[bytes], form: Form, meta: dict[str, Any]) -> None:
        reading = _Field(form)
        count = 0
        while chunk := stream.read(CHUNK):
            *ended, rest = chunk.split(b"&")
            for piece in ended:
                reading.feed(piece)
                reading.end()
                reading, count = _Field(form), count + 1
                if count >= MAX_FIELDS:
                    raise ParseError("The form has too many fields.")
            reading.feed(rest)
        reading.end()


class _Field:
    """`name=value` as it arrives, percent-encoded."""

    def __init__(self, form: Form) -> None:
        self.form, self.name, self.tail = form, b"", b""
        self.into: Images | Text | None = None

    def feed(self, piece: bytes) -> None:
        if self.into is None:
            name, equals, piece = piece.partition(b"=")
            self.name = (self.name + name)[:MAX_TEXT]
            if not equals:
                return
            self.into = self.form.field(_unquoted(self.name, plus=b" ").decode("utf-8", "replace"))
        data = self.tail + piece
        cut = data.rfind(b"%", max(len(data) - 2, 0))  # a percent sign whose two digits are still to come
        self.tail = data[cut:] if cut >= 0 else b""
        self._give(data[:cut] if cut >= 0 else data)

    def end(self) -> None:
        self._give(self.tail)
        if self.into:
            self.into.end()

    def _give(self, data: bytes) -> None:
        """Base64 has no blanks: in images a plus sign that was not encoded stands for itself."""
        if self.into:
            self.into.feed(_unquoted(data, plus=b"+" if isinstance(self.into, Images) else b" "))


def _unquoted(data: bytes, *, plus: bytes) -> bytes:
    return unquote_to_bytes(data.replace(b"+", plus))


def check_size(length: str | None) -> None:
    """Raise `RequestDataTooBig` for a body of this `Content-Length`, before any of it is read."""
    if length and length.isdecimal() and int(length) > settings.FACEHASH_MAX_BYTES:
        raise RequestDataTooBig
