"""Whoever waits for the answer of the call that this thread works on."""

from __future__ import annotations

import socket
from contextvars import ContextVar
from dataclasses import dataclass

from errors import Unavailable

LOOK_SECONDS = 1.0  # how often a call that waits should look
ESTABLISHED = 1  # of a TCP connection, in Linux


class CallerGone(Unavailable):
    """Nobody waits any more: the work that is left need not be done."""

    code = "caller.gone"


@dataclass
class _Caller:
    connection: socket.socket
    is_gone: bool = False


_caller: ContextVar[_Caller | None] = ContextVar("caller", default=None)


def answer(connection: socket.socket | None) -> None:
    """What this thread does from now on, it does for the caller at the other end; None: for nobody who could leave."""
    _caller.set(_Caller(connection) if connection else None)


def caller_is_gone() -> bool:
    """Whether the caller has closed the connection, which is also to be assumed of one that will send nothing more.

    False where the system does not tell: on other systems than Linux, and of connections other than TCP.
    """
    caller = _caller.get()
    if caller and not caller.is_gone:
        caller.is_gone = _is_closed(caller.connection)
    return bool(caller and caller.is_gone)


def was_given_up() -> bool:
    """Whether anybody has noticed so far that the caller is gone."""
    caller = _caller.get()
    return bool(caller and caller.is_gone)


def require_caller() -> None:
    """Raise `CallerGone` if the caller is gone."""
    if caller_is_gone():
        raise CallerGone("The caller has closed the connection.")


def _is_closed(connection: socket.socket) -> bool:
    if not hasattr(socket, "TCP_INFO"):
        return False
    try:  # the first byte is the state; unlike a read, this does not depend on what was sent in advance, or on TLS
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED
    except OSError:
        return False
