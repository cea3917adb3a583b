"""Reading values from paths and queries."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from errors import Unprocessable
from errors.text import is_storable

TRUE = {"1", "true", "yes", "on"}
FALSE = {"", "0", "false", "no", "off"}


def positive_id(text: str) -> int:
    """A row's id from a path. Raises `Unprocessable` (422) unless it is a whole number from 1."""
    if not (text.isascii() and text.isdigit()) or int(text[:20]) < 1 or len(text) > 18:
        raise Unprocessable("The id in the path must be a whole number from 1.", code="id.invalid")
    return int(text)


def path_id(text: str) -> int | UUID:
    """A row's number or UUID from a path. Raises `Unprocessable` (422) for anything else."""
    try:
        return UUID(text) if len(text) == 36 else positive_id(text)
    except ValueError:
        return positive_id(text)


def text_parameter(request: Request, name: str) -> str | None:
    """A text to filter by; None when it is absent. Raises `ValidationError` (422) for what no database can hold."""
    text = request.query_params.get(name)
    if text is not None and not is_storable(text):
        raise ValidationError({name: ["Null characters and lone surrogates are not allowed."]})
    return text


def flag(request: Request, name: str) -> bool:
    """Whether a query parameter is switched on."""
    return request.query_params.get(name, "").lower() in TRUE


def strict_flag(request: Request, name: str) -> bool:
    """`flag` for what must not be misread: anything but true, false or nothing raises `ValidationError` (422)."""
    text = request.query_params.get(name, "").lower()
    if text not in TRUE | FALSE:
        raise ValidationError({name: ["Allowed: true or false."]})
    return text in TRUE


def wants_async(request: Request) -> bool:
    """Whether the caller asked for a job: `Prefer: respond-async` (RFC 7240) or `?async=true`."""
    preferences = request.headers.get("Prefer", "").lower().replace(" ", "").replace(";", ",").split(",")
    return "respond-async" in preferences or flag(request, "async")
