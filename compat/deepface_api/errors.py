"""The three shapes of refusals: `exception` for a request without an image, `message` for the token, `error` for all
that goes wrong later, which begins with what was being done.
"""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from compat.deepface_api.exceptions import ImageMissing
from compat.refusals import Refusal
from errors import FaceAppError, InvalidInput
from liveness.exceptions import SPOOF
from vision.exceptions import NotRecognisable

BAD_TOKEN = "Invalid or missing authentication token"  # noqa: S105  a message
NO_FACE = (
    "Face could not be detected in base64 encoded string.Please confirm that the picture is a face photo or consider to"
    " set enforce_detection param to False."
)
UNCLEAR = "Face could not be detected well enough to recognise it. "
OF_THE_TOKEN = (exceptions.AuthenticationFailed, exceptions.NotAuthenticated)
UNREADABLE = (exceptions.ParseError, exceptions.UnsupportedMediaType)
REFERENCES = {
    "image.url_disabled", "image.url_refused", "image.url_unreachable", "image.url_timeout", "image.path_disabled",
    "image.path_refused", "image.reference_refused",
}  # fmt: skip
WORDS = {"face.none": NO_FACE, SPOOF: "Spoof detected in the given image."}
REFUSALS = (Refusal(OF_THE_TOKEN, 401), Refusal((InvalidInput, *UNREADABLE), 400))


def write_error(exc: Exception, response: Response, doing: str) -> dict[str, Any]:
    """The body of a refusal; `doing` is what was being done."""
    detail, code = response.data["detail"], response.data["code"]
    if isinstance(exc, OF_THE_TOKEN):
        return {"message": BAD_TOKEN, "code": code}
    text = detail if isinstance(detail, str) else "The request cannot be read."
    if isinstance(exc, (ImageMissing, *UNREADABLE)):
        return {"exception": text, "code": code}
    return {"error": f"Exception while {doing}: {words_of(exc, text)}", "code": code}


def words_of(exc: Exception, text: str) -> str:
    """An error in DeepFace's words, of which programs look for some."""
    code = exc.code if isinstance(exc, FaceAppError) else ""
    if isinstance(exc, NotRecognisable):
        return f"{UNCLEAR}{text}"
    if code in REFERENCES:
        return f"Confirm that the image exists. {text}"
    return WORDS.get(code, text)
