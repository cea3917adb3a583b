"""Whose rows the database shows: nobody's, those of some clients, or everyone's.

`walls.backend` tells it to PostgreSQL before each query; `walls.policies` has PostgreSQL obey. Servers begin with
`NOBODY`, so that a query which comes before the client is known finds nothing. Commands that an administrator gives on
the machine begin with `EVERYONE`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TypeVar, cast

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

NOBODY, EVERYONE = "", "*"
T = TypeVar("T")

_shown: ContextVar[str | None] = ContextVar("walls", default=None)
_at_first = NOBODY  # in threads and processes that have not said anything


def open_by_default() -> None:
    """From now on, whatever has not said whose rows it wants gets everyone's: for commands and tests."""
    global _at_first
    _at_first = EVERYONE


def shown() -> str:
    """`NOBODY`, `EVERYONE`, or numbers of clients with commas between."""
    chosen = _shown.get()
    return _at_first if chosen is None else chosen


def show(clients: str | int | Iterable[int]) -> Token[str | None]:
    """Show these rows until something else is said. `restore` takes the token."""
    return _shown.set(_text(clients))


def restore(token: Token[str | None]) -> None:
    _shown.reset(token)


@contextmanager
def showing(clients: str | int | Iterable[int]) -> Iterator[None]:
    """Show these rows inside the block."""
    token = show(clients)
    try:
        yield
    finally:
        restore(token)


def closed_at_first(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Middleware: a request shows nobody's rows until its client is known. A streamed answer keeps what it shows."""

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


def _text(clients: str | int | Iterable[int]) -> str:
    if isinstance(clients, str | int):
        return str(clients)
    return ",".join(map(str, clients))
