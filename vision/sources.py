"""Reads the text forms of an image: data URL, URL, file below the import folder, base64. Decodes no pixels."""

from __future__ import annotations

import binascii
import os
import re
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import unquote_to_bytes

from django.conf import settings

from calls.places import aside
from environment import open_regular
from vision import fetching
from vision.exceptions import InvalidImage, invalid_image

MAX_PATH = 4096  # characters, as in Linux
MAX_DATA_URL_HEADER = 256
BLANKS = b" \t\r\n\v\f"
URL_SAFE = bytes.maketrans(b"-_", b"+/")

SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
ONLY_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
PATH_START = re.compile(r"[/\\~]|\.{1,2}(?:[/\\]|$)|[A-Za-z]:[/\\]")
PATH_INSIDE = re.compile(r"[/\\]|\.[A-Za-z0-9]{1,5}$")
# How base64 of JPEG, PNG, GIF, WebP, BMP, TIFF, HEIC and AVIF begins, in both alphabets.
IMAGE_START = re.compile(r"[/_]9j[/_]|iVBORw0KGgo|R0lGOD|UklGR|Qk|SUkqA|SUkrA|TU0A|AAAA")


# Whether the caller at hand may name URLs and paths (clients.authentication); each call begins without.
may_refer: ContextVar[bool] = ContextVar("may_refer", default=False)


def read_text(text: str, *, patience: float | None = None, references: bool = True) -> bytes:
    """The encoded bytes of the image that `text` holds or names, at most `MAX_IMAGE_BYTES` of them.

    Tried in this order: data URL (any label; base64 or percent-encoded), URL of an allowed host, path below the import
    folder, base64 (wrapped lines, the URL-safe alphabet and missing padding are accepted). A URL has `patience` seconds
    if that is less than `URL_TIMEOUT`. Without `references` URLs and paths are not followed, and refused unless the
    caller `may_refer` to images.
    Raises `InvalidImage`; the codes are listed in docs/errors.md.
    """
    if len(text) > 4 * settings.MAX_IMAGE_BYTES + MAX_DATA_URL_HEADER:  # too long even if every byte is percent-encoded
        raise _too_large()
    text = text.strip()
    if text[:5].lower() == "data:":
        data = _read_data_url(text)
    elif text[:5].lower() == "file:":
        raise invalid_image("image.path_refused")
    elif references and SCHEME.match(text):
        if settings.URL_HOSTS and not may_refer.get():
            raise invalid_image("image.reference_refused")
        with aside():
            data = fetching.fetch(text, patience=patience)
    elif references and text and _looks_like_path(text):
        data = _read_path(text)
    else:
        data = _decode_base64(text, otherwise="image.bad_base64" if IMAGE_START.match(text) else "image.not_an_image")
    if not data:
        raise invalid_image("image.empty")
    if len(data) > settings.MAX_IMAGE_BYTES:
        raise _too_large()
    return data


def _read_data_url(text: str) -> bytes:
    comma = text.find(",", 0, MAX_DATA_URL_HEADER)
    if comma < 0:
        raise invalid_image("image.bad_base64")
    body = text[comma + 1 :]
    if not text[:comma].rstrip().lower().endswith(";base64"):
        return _unquote(body)
    if "%" in body:
        body = _unquote(body).decode("ascii", "replace")
    return _decode_base64(body, otherwise="image.bad_base64")


def _unquote(text: str) -> bytes:
    try:
        return unquote_to_bytes(text)
    except UnicodeEncodeError:  # JSON can hold halves of surrogate pairs, UTF-8 cannot
        raise invalid_image("image.not_an_image") from None


def _decode_base64(text: str, *, otherwise: str) -> bytes:
    try:
        raw = text.encode("ascii").translate(URL_SAFE, BLANKS).rstrip(b"=")
        if len(raw) * 3 // 4 > settings.MAX_IMAGE_BYTES:
            raise _too_large()
        return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are kinds of it
        raise invalid_image(otherwise) from None


def _looks_like_path(text: str) -> bool:
    """Whether `text` reads like a file name. Base64 holds slashes too, and that of every JPEG begins with `/9j/`."""
    if len(text) > MAX_PATH or len(text.splitlines()) > 1:
        return False
    if IMAGE_START.match(text) and "." not in text:
        return False
    if ONLY_BASE64.fullmatch(text):
        return text[0] == "/"
    return bool(PATH_START.match(text) or PATH_INSIDE.search(text))


def _read_path(text: str) -> bytes:
    """The regular file `text` below `IMPORT_ROOT`, links followed first; all other names get the same answer."""
    if settings.IMPORT_ROOT is None:
        raise invalid_image("image.path_disabled")
    if not may_refer.get():
        raise invalid_image("image.reference_refused")

    try:
        root = Path(settings.IMPORT_ROOT).resolve(strict=True)
        path = (root / text).resolve(strict=True)
        if not path.is_relative_to(root):
            raise invalid_image("image.path_refused")
        with open_regular(path, flags=os.O_NOFOLLOW) as file:  # a link at the end was put there since
            if os.fstat(file.fileno()).st_size > settings.MAX_IMAGE_BYTES:
                raise _too_large()
            return file.read(settings.MAX_IMAGE_BYTES + 1)
    except (OSError, ValueError, RuntimeError):  # missing, unreadable, NUL in the name, a circle of links
        raise invalid_image("image.path_refused") from None


def _too_large() -> InvalidImage:
    return invalid_image("image.too_large", limit=settings.MAX_IMAGE_BYTES)
