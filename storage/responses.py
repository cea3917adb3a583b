"""HTTP responses with stored images, for views that have checked who may see them."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from typing import Any, TypeVar

from django.core.files.base import File
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase

from audit.types import Action
from clients.numbering import record_rows
from errors import NotFound, Unavailable
from storage.backend import is_encrypted
from storage.files import STORAGE_ERRORS
from storage.previews import preview
from vision.sidecars import sidecar_for
from vision.types import Box

CHUNK = 1 << 16
XMP = "application/rdf+xml"

Response = TypeVar("Response", bound=HttpResponseBase)


def image_response(file: FieldFile) -> FileResponse:
    """The bytes of a stored image, never cached by proxies. Raises `NotFound` or `Unavailable`.

    An encrypted file is read to its end first: once the answer has begun, an error could only cut it off.
    """
    handle = _open(file)
    if is_encrypted(file.name or ""):
        try:
            while handle.read(CHUNK):
                pass
            handle.seek(0)
        except STORAGE_ERRORS as error:
            raise Unavailable("The image store does not answer.", code="storage.unavailable") from error
    _record(file)
    content_type = mimetypes.guess_type(file.name or "")[0] or "application/octet-stream"
    response = FileResponse(handle, content_type=content_type)
    response["Cache-Control"] = "private, no-store"
    return _harmless(response)


def preview_response(file: FieldFile, *, side: int, box: Box | None = None) -> HttpResponse:
    """A stored image, or the surroundings of `box` in it, as a JPEG of at most `side` pixels.

    A browser may cache it for an hour. Raises `NotFound`, `Unavailable` or `InvalidImage`.
    """
    try:
        with _open(file) as handle:
            data = handle.read()
    except STORAGE_ERRORS as error:
        raise Unavailable("The image store does not answer.", code="storage.unavailable") from error
    _record(file)
    response = HttpResponse(preview(data, side=side, box=box), content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=3600"
    return _harmless(response)


def sidecar_response(file: FieldFile, faces: Sequence[tuple[str, Box]]) -> HttpResponse:
    """An XMP sidecar with these faces for a stored image: names (empty: not known) and boxes in the upright picture.

    Raises `NotFound`, `Unavailable` or `InvalidImage`.
    """
    try:
        with _open(file) as handle:
            data = handle.read()
    except STORAGE_ERRORS as error:
        raise Unavailable("The image store does not answer.", code="storage.unavailable") from error
    row: Any = file.instance
    record_rows(Action.EXPORT, [row], results=len(faces))
    response = HttpResponse(sidecar_for(data, faces), content_type=XMP)
    response["Cache-Control"] = "private, no-store"
    return _harmless(response)


def _record(file: FieldFile) -> None:
    row: Any = file.instance
    record_rows(Action.VIEW, [row], results=1)


def _open(file: FieldFile) -> File[bytes]:
    if not file:
        raise NotFound("No image is stored.", code="image.none")
    try:
        return file.open("rb")
    except FileNotFoundError as error:
        raise NotFound("The image file is gone.", code="image.none") from error
    except STORAGE_ERRORS as error:
        raise Unavailable("The image store does not answer.", code="storage.unavailable") from error


def _harmless(response: Response) -> Response:
    """Keep browsers from executing anything in a file that a client uploaded."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'"
    return response
