"""Request bodies as they arrive: whole, or not at all.

A server hands on what it has read, and parsers take the end of the input for the end of the body. Here a body that
ends before its announced length is an error, and a chunked one, which announces none, gets a length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings

CHUNK = 64 * 1024  # bytes
IN_MEMORY = 1024 * 1024  # bytes of a chunked body; what is longer waits in a file
IDLE_SECONDS = 30  # without a byte, until a caller is taken for gone
DRAINED = 16 * 1024 * 1024  # bytes that are read after an answer that did not need them

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class WholeBodies:
    """WSGI middleware, around everything else.

    What an application leaves unread is read up to `DRAINED`, so that the next request on the connection is understood.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if sock := environ.get("gunicorn.socket"):
            sock.settimeout(IDLE_SECONDS)
        if environ.get("wsgi.input_terminated") and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            _collect(environ)
        body = AnnouncedBody(environ["wsgi.input"], announced_length(environ))
        environ["wsgi.input"] = body
        answer = self._application(environ, start_response)
        body.drain()
        return answer


class AnnouncedBody:
    """A body of `length` bytes. Raises OSError if it ends earlier; for Django that is an `UnreadablePostError`."""

    def __init__(self, stream: IO[bytes], length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int | None = -1) -> bytes:
        most = self._most(size)
        data = self._stream.read(most)
        while len(data) < most:
            data += self._some(self._stream.read(most - len(data)))
        self._left -= len(data)
        return data

    def readline(self, size: int | None = -1) -> bytes:
        most = self._most(size)
        line = self._some(self._stream.readline(most)) if most else b""
        self._left -= len(line)
        return line

    def drain(self) -> None:
        if self._left > DRAINED:
            return
        try:
            while self._left:
                self.read(CHUNK)
        except OSError:
            self._left = 0  # the caller is gone

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
