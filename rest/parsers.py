"""How request bodies are read."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, ClassVar, Protocol

from django.core.exceptions import RequestDataTooBig
from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.utils.json import strict_constant

from rest.bodies import announced_length

MOST_TEXT = 64 * 1024  # bytes of a body without images
MOST_VALUES = 100_000  # of a JSON body: as objects they take 20 times as much memory as text

Context = Mapping[str, Any]


class TakesImages(Protocol):
    """A view whose bodies may be as large as `FACEAPP_MAX_REQUEST_BYTES`, in these actions or methods."""

    takes_images: ClassVar[frozenset[str]]


def check_length(context: Context | None) -> None:
    """Refuse a body that is too long for its route, before any of it is parsed. Raises `RequestDataTooBig`."""
    view, request = (context or {}).get("view"), (context or {})["request"]
    action = getattr(view, "action", None) or request.method.lower()
    if action not in getattr(view, "takes_images", ()) and announced_length(request.META) > MOST_TEXT:
        raise RequestDataTooBig


def forget_body(context: Context | None) -> None:
    """Free the copies of the body that DRF has Django keep: the request lies in a cycle of references, so that they
    would stay until the garbage collector comes by.
    """
    request = (context or {})["request"]._request
    request._body, request._stream = b"", BytesIO()


def read_json(data: bytes) -> Any:
    """The value of a text in UTF-8, with a byte order mark or without. Raises `ParseError`."""
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise ParseError("JSON parse error - too many values")
    try:
        return json.loads(data.removeprefix(codecs.BOM_UTF8).decode(), parse_constant=strict_constant)
    except RecursionError:
        raise ParseError("JSON parse error - nested too deeply") from None
    except ValueError as error:
        raise ParseError(f"JSON parse error - {error}") from error


class JSONParser(parsers.JSONParser):
    """DRF's, on `read_json`. A `digest` of the context is updated with the body as it arrived."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Context | None = None) -> Any:
        check_length(parser_context)
        body = stream.read()
        forget_body(parser_context)
        if digest := (parser_context or {}).get("digest"):
            digest.update(body)
        return read_json(body)


class FormParser(parsers.FormParser):
    """An urlencoded form."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Context | None = None) -> Any:
        check_length(parser_context)
        try:
            return super().parse(stream, media_type, parser_context)
        finally:
            forget_body(parser_context)
