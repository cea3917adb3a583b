"""Whose rows the database shows: nobody's, those of some clients, or everyone's.

`walls.backend` tells it to PostgreSQL before each query; the policies of `faceapp.row_security` have PostgreSQL obey.
Servers begin with `NOBODY`, so that a query which comes before the client is known finds nothing. Commands that an
administrator gives on the machine begin with `EVERYONE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

NOBODY, EVERYONE = "", "*"

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


def _text(clients: str | int | Iterable[int]) -> str:
    if isinstance(clients, str | int):
        return str(clients)
    return ",".join(map(str, clients))
