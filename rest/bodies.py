"""Request bodies as they arrive: whole, or not at all.

A server hands on what it has read, and parsers take the end of the input for the end of the body. Here a body that
ends before its announced length is an error, and a chunked one, which announces none, gets a length.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from tempfile import SpooledTemporaryFile
from typing import Any, Protocol

from django.conf import settings

from calls import caller
from calls.places import aside, in_turn

CHUNK = 64 * 1024  # bytes
IN_MEMORY = 1024 * 1024  # bytes of a chunked body; what is longer waits in a file
IDLE_SECONDS = 30  # without a byte, until a caller is taken for gone
GRACE_SECONDS = 60  # in which a body may arrive as slowly as it likes; after that,
SLOWEST = 1000  # bytes a second, on average from the beginning, as Apache's mod_reqtimeout has it
WATCH_SECONDS = 1.0
WITHOUT_IMAGES = 8 * 1024  # bytes; a longer body is worked on in its turn
DRAINED = 32 * 1024 * 1024  # bytes that are read after an answer that did not need them

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


class WholeBodies:
    """WSGI middleware, around everything else.

    What an application leaves unread is read up to `DRAINED`, so that the next request on the connection is understood.
    If there is more, the connection is closed after the answer, which says so.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        sock = environ.get("gunicorn.socket")
        caller.answer(sock)
        if sock:
            sock.settimeout(IDLE_SECONDS)
        arriving = environ["wsgi.input"] = Arriving(environ["wsgi.input"], sock)
        try:
            if environ.get("wsgi.input_terminated") and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
                _collect(environ)
            length = announced_length(environ)
            body = environ["wsgi.input"] = AnnouncedBody(environ["wsgi.input"], length)
            with in_turn() if length > WITHOUT_IMAGES else nullcontext():
                answer = self._application(environ, start_response)
            if not body.drain() and sock:
                start_response.__self__.force_close()  # of gunicorn's response
        finally:
            arriving.close()
        return answer


class Arriving:
    """A body on its way; the call holds nothing while it waits for more of it.

    The connection of a caller who sends too slowly is closed for reading, which ends the body early.
    """

    def __init__(self, stream: Readable, connection: socket.socket | None) -> None:
        self._stream, self._connection = stream, connection
        self._bytes, self._seconds, self._is_given_up = 0, 0.0, False
        self._began: float | None = None  # to wait for what is awaited now

    def read(self, size: int) -> bytes:
        with self._receiving():
            return self._counted(self._stream.read(size))

    def readline(self, size: int) -> bytes:
        with self._receiving():
            return self._counted(self._stream.readline(size))

    def close(self) -> None:
        """To be called when nothing more is read."""
        watch.forget(self)

    def _counted(self, data: bytes) -> bytes:
        self._bytes += len(data)
        return data

    @contextmanager
    def _receiving(self) -> Iterator[None]:
        if self._is_given_up:
            raise OSError("the body came too slowly")
        with aside():
            self._began = time.monotonic()
            watch.add(self)
            try:
                yield
            finally:
                self._seconds += time.monotonic() - self._began
                self._began = None

    def look(self) -> None:
        """Give the caller up who is late. A piece that is on its way counts as received."""
        waited = self._seconds + (time.monotonic() - self._began if self._began else 0)
        if waited <= GRACE_SECONDS + (self._bytes + CHUNK) / SLOWEST:
            return
        self._is_given_up = True
        if self._connection:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RD)


class Watch:
    """Looks every second at the bodies that are on their way to this process."""

    def __init__(self) -> None:
        self._bodies: set[Arriving] = set()
        self._thread: threading.Thread | None = None

    def add(self, body: Arriving) -> None:
        self._bodies.add(body)
        if self._thread is None:
            self._thread = threading.Thread(target=self._look_regularly, name="bodies", daemon=True)
            self._thread.start()

    def forget(self, body: Arriving) -> None:
        self._bodies.discard(body)

    def _look_regularly(self) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            for body in list(self._bodies):
                body.look()


watch = Watch()  # its thread starts after the fork of a web process


class AnnouncedBody:
    """A body of `length` bytes. Raises OSError if it ends earlier; for Django that is an `UnreadablePostError`."""

    def __init__(self, stream: Readable, length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int | None = -1) -> bytes:
        most, data = self._most(size), bytearray()
        while len(data) < most:
            data += self._some(self._stream.read(min(most - len(data), CHUNK)))
        self._left -= len(data)
        return bytes(data)

    def readline(self, size: int | None = -1) -> bytes:
        most = self._most(size)
        line = self._some(self._stream.readline(most)) if most else b""
        self._left -= len(line)
        return line

    def drain(self) -> bool:
        """Read what is left. Returns False, without reading, if that is too much."""
        if self._left > DRAINED:
            return False
        try:
            while self._left:
                self.read(CHUNK)
        except OSError:
            self._left = 0  # the caller is gone
        return True

    def _most(self, size: int | None) -> int:
        return self._left if size is None or size < 0 else min(size, self._left)

    def _some(self, data: bytes) -> bytes:
        if not data:
            raise OSError("the body ended early")
        return data


class _BrokenBody:
    def read(self, size: int = -1) -> bytes:
        raise OSError("the chunks of the body cannot be read")

    readline = read


def announced_length(environ: Mapping[str, Any]) -> int:
    """The bytes that `CONTENT_LENGTH` announces, in a WSGI environment or a request's META; 0 if it is no number."""
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0


def _collect(environ: Environ) -> None:
    """Give a chunked body a length. Of one that is too large as much is read as shows it; nobody parses that."""
    limit, length = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, 0
    body = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  closed with the request
    try:
        while length <= limit and (chunk := environ["wsgi.input"].read(CHUNK)):
            body.write(chunk)
            length += len(chunk)
        body.seek(0)
    except OSError:
        environ |= {"wsgi.input": _BrokenBody(), "CONTENT_LENGTH": "1"}
    else:
        environ |= {"wsgi.input": body, "CONTENT_LENGTH": str(length)}
    del environ["HTTP_TRANSFER_ENCODING"]
