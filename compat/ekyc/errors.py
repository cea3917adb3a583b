"""How refusals are answered: mostly by a text in `status`, and some of them with HTTP 200."""

from __future__ import annotations

from rest_framework import exceptions

from compat.ekyc.exceptions import BatchTooLarge
from compat.refusals import Refusal
from errors import InvalidInput
from liveness.exceptions import NotLive, SessionNotFound, TokenRefused
from people.exceptions import NoTemplate, PersonNotFound

NO_FACE = ("face.none", "face.not_recognisable")
REFUSALS: tuple[Refusal, ...] = (
    Refusal((PersonNotFound, NoTemplate), 200, "PEOPLE_NOT_FOUND_ERROR"),
    Refusal((NotLive, TokenRefused, SessionNotFound), 400, "LIVENESS_FAIL"),
    Refusal(NO_FACE, 200, "NO_FACE_ERROR"),
    Refusal((BatchTooLarge,), 413, "INPUT_ERROR"),
    Refusal((InvalidInput,), 400, "INPUT_ERROR"),
)
OF_REGISTRATION = (Refusal(NO_FACE, 400, "NO_FACE_ERROR"), *REFUSALS)
UNREADABLE_BODY = (exceptions.ParseError, exceptions.UnsupportedMediaType)
BODY = "Send a JSON object as application/json."
