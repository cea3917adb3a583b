"""CompreFace's codes for our errors, with their statuses and, where the words are theirs, its messages."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions
from rest_framework.response import Response

from compat.refusals import Refusal
from errors import FaceAppError, Unavailable
from people.exceptions import (
    ExternalIdTaken,
    NoTemplate,
    PersonNotFound,
    ReferenceImageNotFound,
    UnusableEmbedding,
    UnusableFace,
    UnusableValue,
)
from vision.exceptions import InvalidImage

NO_FACE, SEVERAL, SYNCHRONISATION, UNKNOWN_SERVICE = "28", "31", "41", "10"
TOO_LARGE = ("image.too_large", "image.too_many_pixels", "image.too_costly")
REFUSALS = (  # the word is the code; the others have 0
    Refusal((exceptions.AuthenticationFailed,), 404, UNKNOWN_SERVICE),
    Refusal((exceptions.MethodNotAllowed,), 404),
    Refusal((exceptions.ParseError,), 400),
    Refusal(("face.several",), 400, SEVERAL),
    Refusal((UnusableFace,), 400, NO_FACE),
    Refusal(TOO_LARGE, 413),
    Refusal((RequestDataTooBig,), 413),
    Refusal((InvalidImage,), 400, NO_FACE),
    Refusal((UnusableEmbedding,), 400, "37"),
    Refusal((UnusableValue,), 400, "26"),
    Refusal((ExternalIdTaken,), 400, "43"),
    Refusal((PersonNotFound,), 404, "42"),
    Refusal((ReferenceImageNotFound, NoTemplate), 404, "44"),
    Refusal((Unavailable,), 500, SYNCHRONISATION),
    Refusal(("bad_body",), 400),
)
MESSAGES = {
    "face.none": "No face is found in the given image",
    "face.several": "More than one face in the source image",
    "internal": "Something went wrong, please try again",
}


def write_error(exc: Exception, response: Response, word: str) -> dict[str, Any]:
    """`response` is the service's own answer."""
    code = str(response.data.get("code", ""))
    detail = response.data.get("detail")
    if isinstance(exc, InvalidImage) and word == NO_FACE:
        code = "face.none"
    message = MESSAGES.get(code) or (detail if isinstance(detail, str) else "The request cannot be read.")
    if isinstance(exc, Unavailable):
        message = f"Error during synchronization between servers: {message}"
    if isinstance(exc, exceptions.MethodNotAllowed):
        message = f"Request method '{exc.args[0] if exc.args else ''}' not supported"
    number = getattr(exc, "number", None) if isinstance(exc, FaceAppError) else None
    return {"message": message, "code": int(word or 0) if number is None else number}
