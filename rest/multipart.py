"""Forms with files (RFC 7578): every part that was sent, in its order, or an error."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles

from rest.bodies import announced_length
from rest.parsers import check_length

CHUNK = 64 * 1024  # bytes
MOST_HEADER = 8 * 1024  # bytes of a header line of a part
LONGEST_BOUNDARY = 200
TEXTS = re.compile(r"text/|application/(.*\+)?(json|xml)$|application/x-www-form-urlencoded$")
UNNAMED = "image"  # a file whose name cannot be used


class Part:
    """The headers of a part, with names as text whatever encoding a program used."""

    def __init__(self, segment: MultipartSegment) -> None:
        if not segment.name:
            raise ParseError("A part of the form has no name.")
        self.name = _decoded(segment.name)
        self.content_type: str = segment.content_type or ""
        self.charset: str = segment.charset or "utf-8"
        self.is_base64 = (segment.header("Content-Transfer-Encoding") or "").lower() == "base64"
        self.is_file = bool(segment.filename) or bool(self.content_type and not TEXTS.match(self.content_type))
        self.has_file_name = segment.filename is not None
        self.file_name = file_name(_decoded(segment.filename or ""))


def _decoded(text: str) -> str:
    """Header lines are read as Latin-1, which keeps every byte."""
    try:
        return text.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:  # `filename*` is decoded already
        return text


def file_name(sent: str) -> str:
    """The last part of a path of any system, printable; `UNNAMED` if nothing is left of it."""
    last = re.split(r"[\\/]", sent)[-1]
    name = "".join(letter for letter in last if letter.isprintable()).strip()
    return UNNAMED if name in {"", ".", ".."} else name


def read_parts(stream: IO[bytes], content_type: str) -> Iterator[Part | bytes | None]:
    """For each part its headers, its content in pieces, and None at its end.

    Raises `ParseError` for a form that is broken or ends before its closing boundary.
    """
    boundary = parse_header_parameters(content_type)[1].get("boundary", "")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii():
        raise ParseError("The form names no boundary.")
    parser = PushMultipartParser(boundary, max_header_size=MOST_HEADER, header_charset="latin-1")
    try:
        with parser:
            while not parser.closed:
                for event in parser.parse(stream.read(CHUNK)):
                    if isinstance(event, MultipartSegment):
                        yield Part(event)
                    else:
                        yield None if event is None else bytes(event)
    except ParserLimitReached as error:
        raise ParseError("A header of the form is too long.") from error
    except MultipartError as error:
        raise ParseError("The form is broken, or ends before its closing boundary.") from error
    while stream.read(CHUNK):
        pass  # what follows the form belongs to this request


class MultiPartParser(BaseParser):
    """DRF's, on `read_parts`. Files go through Django's upload handlers."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles[Any, Any]:
        check_length(parser_context)
        request = (parser_context or {})["request"]
        length = announced_length(request.META)
        handlers: Sequence[FileUploadHandler] = request.upload_handlers
        for handler in handlers:
            handler.handle_raw_input(stream, request.META, length, "", "utf-8")
        try:
            return _read(read_parts(stream, request.META["CONTENT_TYPE"]), handlers)
        except BaseException:
            for handler in handlers:
                handler.upload_interrupted()
            raise


def _read(events: Iterator[Part | bytes | None], handlers: Sequence[FileUploadHandler]) -> DataAndFiles[Any, Any]:
    texts, files = QueryDict(mutable=True), MultiValueDict[str, Any]()
    count = {"text": 0, "file": 0}
    for event in events:
        assert isinstance(event, Part)
        content = _content(event, events)
        first = next(content, b"")
        if event.is_file or (event.has_file_name and first):
            count["file"] += 1
            if count["file"] > settings.DATA_UPLOAD_MAX_NUMBER_FILES:
                raise TooManyFilesSent
            files.appendlist(event.name, _file(event, first, content, handlers))
        else:
            count["text"] += 1
            if count["text"] > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
                raise TooManyFieldsSent
            texts.appendlist(event.name, _text(event, b"".join([first, *content])))
    return DataAndFiles(texts, files)


def _content(part: Part, events: Iterator[Part | bytes | None]) -> Iterator[bytes]:
    """The pieces of one part, decoded if it is base64."""
    waiting = b""
    while (piece := next(events)) is not None:
        assert isinstance(piece, bytes)
        if part.is_base64:
            waiting += b"".join(piece.split())
            whole = len(waiting) // 4 * 4
            piece, waiting = _of_base64(waiting[:whole]), waiting[whole:]
        if piece:
            yield piece
    if waiting:
        raise ParseError("A part of the form is not valid base64.")


def _of_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ParseError("A part of the form is not valid base64.") from error


def _text(part: Part, data: bytes) -> str:
    try:
        return data.decode(part.charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _file(part: Part, first: bytes, rest: Iterator[bytes], handlers: Sequence[FileUploadHandler]) -> Any:
    """The file that the first handler which wants it makes of the content."""
    for handler in handlers:
        try:
            handler.new_file(part.name, part.file_name, part.content_type, None, part.charset, {})
        except StopFutureHandlers:
            break
    taken = dict.fromkeys(handlers, 0)
    for piece in (first, *rest):
        left: bytes | None = piece
        for handler in handlers:
            if left is None:
                break
            size, left = len(left), handler.receive_data_chunk(left, taken[handler])
            taken[handler] += size
    return next(file for handler in handlers if (file := handler.file_complete(taken[handler])) is not None)
