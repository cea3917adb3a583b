"""How calls are read and answers written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from albums.models import AlbumFace, AlbumImage
from albums.types import ImageMatch
from compat.faceanalysis.exceptions import MissingArgument
from vision.types import Upload
from work.models import Status

THRESHOLD = 0.6  # in this API: smaller distances are matches
STATES = {
    Status.UPLOADED: "uploaded",
    Status.PENDING: "processing",
    Status.PROCESSING: "processing",
    Status.DONE: "finished_processing",
    Status.FAILED: "finished_processing",
}


def read_text(request: Request, name: str) -> str:
    """A field of the JSON or form body, or of the query. Raises `MissingArgument`."""
    body = request.data if hasattr(request.data, "get") else {}
    value = body.get(name, request.query_params.get(name))
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise MissingArgument(name, f"The field {name} is required.")
    return str(value)


def read_file(request: Request) -> tuple[Upload, str]:
    """The file part `image` and its declared type. Raises `MissingArgument`."""
    part = request.FILES.get("image")
    if not isinstance(part, UploadedFile) or not part.name:
        raise MissingArgument("image", "The file part image is required.")
    return Upload(part.read(), part.name), (part.content_type or "").lower()


def write_status(image: AlbumImage) -> dict[str, Any]:
    message = None
    if image.status == Status.FAILED:
        unreadable = image.error_code.startswith("image.")
        message = "Image could not be read" if unreadable else "Image could not be processed"
    elif image.status == Status.DONE:
        message = _lacks(list(image.faces.all()))
    return {"status": STATES[Status(image.status)], "error_msg": message}


def _lacks(faces: Sequence[AlbumFace]) -> str | None:
    """What is wrong with the faces of a processed image, in 50 characters at most."""
    if not faces:
        return "No faces found in image"
    unknown = sum(not face.is_recognisable for face in faces)
    if unknown == len(faces):
        return "No recognisable faces found in image"
    return f"{unknown} of {len(faces)} faces not recognisable" if unknown else None


def write_matches(matches: Sequence[ImageMatch], *, threshold: float) -> dict[str, Any]:
    """Two parallel lists. Distances are scaled so that `threshold`, that of a comparison, is the dialect's own."""
    named = [match for match in matches if match.external_id]
    return {
        "imgs": [match.external_id for match in named],
        "distances": [match.distance * THRESHOLD / threshold for match in named],
    }
