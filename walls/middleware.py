"""Requests show nobody's rows until their client is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from walls.current import NOBODY, showing, shown

T = TypeVar("T")


def closed_at_first(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A streamed answer keeps what its request showed at last."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with showing(NOBODY):
            response = get_response(request)
            if isinstance(response, StreamingHttpResponse) and not response.is_async:
                response.streaming_content = _pieces(shown(), cast("Iterator[bytes]", response.streaming_content))
            return response

    return middleware


def _pieces(shown_then: str, pieces: Iterable[T]) -> Iterator[T]:
    source = iter(pieces)
    while True:
        with showing(shown_then):
            try:
                piece = next(source)
            except StopIteration:
                return
        yield piece
