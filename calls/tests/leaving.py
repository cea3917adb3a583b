"""A caller over a real connection, for tests: the thread of the test answers it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from calls import caller
from faceapp.tests.live_stack import eventually


@contextmanager
def answering() -> Iterator[socket.socket]:
    """The caller's end of the connection. What it sends first stays unread."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as outside:
        inside, _ = server.accept()
        with inside:
            caller.answer(inside)
            try:
                yield outside
            finally:
                caller.answer(None)


@contextmanager
def leaving_after(seconds: float) -> Iterator[None]:
    """The caller hangs up in the meantime; with 0 it has done so before."""
    with answering() as outside:
        if not seconds:
            outside.close()
        timer = threading.Timer(seconds, outside.close)
        timer.start()
        try:
            yield
        finally:
            timer.join()


@contextmanager
def leaving_when(condition: Callable[[], bool]) -> Iterator[None]:
    """The caller hangs up as soon as the condition holds."""
    with answering() as outside:

        def leave() -> None:
            eventually(condition)
            outside.close()

        thread = threading.Thread(target=leave)
        thread.start()
        try:
            yield
        finally:
            thread.join()
