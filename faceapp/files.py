"""Serving stored images to those who may see them."""

from __future__ import annotations

import mimetypes

from django.db.models.fields.files import FieldFile
from django.http import FileResponse

from faceapp.exceptions import NotFound, Unavailable


def image_response(file: FieldFile) -> FileResponse:
    """The bytes of a stored image, never cached by proxies and never run by browsers."""
    if not file:
        raise NotFound("No image is stored.", code="image.none")
    try:
        handle = file.open("rb")
    except FileNotFoundError as error:
        raise NotFound("The image file is gone.", code="image.none") from error
    except OSError as error:
        raise Unavailable("The image store does not answer.", code="storage.unavailable") from error
    content_type = mimetypes.guess_type(file.name or "")[0] or "application/octet-stream"
    response = FileResponse(handle, content_type=content_type)
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'"
    return response
