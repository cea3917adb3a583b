"""Bodies that break off, and bodies without a length, as the web server hands them over."""

from __future__ import annotations

import socket
from io import BytesIO
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from rest import bodies
from rest.bodies import WholeBodies


def ask(body: Any, read: Any, **environ: Any) -> Any:
    """What `read` makes of the environment that an application is given."""
    answers = []

    def application(given: dict[str, Any], start_response: Any) -> list[bytes]:
        answers.append(read(given))
        return []

    WholeBodies(application)({"wsgi.input": body} | environ, None)
    return answers[0]


class Response:
    """Gunicorn's, as far as it is asked."""

    is_last = False

    def start_response(self) -> None: ...

    def force_close(self) -> None:
        self.is_last = True


def whole(environ: dict[str, Any]) -> bytes:
    return bytes(environ["wsgi.input"].read())


def in_pieces(environ: dict[str, Any]) -> bytes:
    pieces = []
    while piece := environ["wsgi.input"].read(3):
        pieces.append(piece)
    return b"".join(pieces)


class Broken(BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if piece := super().read(size):
            return piece
        raise OSError("invalid chunk size")


@pytest.mark.parametrize("read", [whole, in_pieces])
def test_a_body_is_read_up_to_its_length(read: Any) -> None:
    assert ask(BytesIO(b"0123456789"), read, CONTENT_LENGTH="4") == b"0123"
    assert ask(BytesIO(b""), read) == ask(BytesIO(b"0123"), read, CONTENT_LENGTH="") == b""


def test_a_body_that_ends_early_is_an_error() -> None:
    for read in (whole, in_pieces):
        with pytest.raises(OSError, match="ended early"):
            ask(BytesIO(b"0123"), read, CONTENT_LENGTH="5")
    with pytest.raises(OSError, match="ended early"):
        ask(BytesIO(b"01"), lambda environ: [environ["wsgi.input"].readline() for _ in range(2)], CONTENT_LENGTH="5")


def test_what_nobody_read_is_read_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    unread = BytesIO(b"0123456789next")
    ask(unread, lambda environ: None, CONTENT_LENGTH="10")
    assert unread.read() == b"next"
    ask(BytesIO(b"01"), lambda environ: None, CONTENT_LENGTH="10")  # a caller who is gone
    monkeypatch.setattr(bodies, "DRAINED", 5)
    unread.seek(0)
    response, (one_end, other_end) = Response(), socket.socketpair()
    with one_end, other_end:
        sent = {"wsgi.input": unread, "CONTENT_LENGTH": "10", "gunicorn.socket": one_end}
        WholeBodies(lambda environ, start_response: [])(sent, response.start_response)
    assert unread.tell() == 0 and response.is_last


class Dripping:
    """A body as the server reads it off a connection: so many bytes, or those that came before its end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (piece := self._connection.recv(1)):
            data += piece
        return data


def test_a_body_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(bodies, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(bodies, "watch", bodies.Watch())
    monkeypatch.setattr(bodies, "SLOWEST", 1_000_000)
    caller, connection = socket.socketpair()
    sent = {"CONTENT_LENGTH": "100", "gunicorn.socket": connection}
    with caller, connection:
        caller.sendall(b"x" * 100)
        assert ask(Dripping(connection), whole, **sent) == b"x" * 100
        caller.sendall(b"x" * 99)
        with pytest.raises(OSError, match="too slowly"):
            ask(Dripping(connection), whole, **sent)


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


def test_a_chunked_body_gets_a_length() -> None:
    found = ask(BytesIO(b"0123"), lambda environ: (environ["CONTENT_LENGTH"], whole(environ)), **CHUNKED)
    assert found == ("4", b"0123")


def test_a_chunked_body_that_is_too_large_is_not_read_to_its_end(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3
    body = BytesIO(b"x" * 1_000_000)
    assert int(ask(body, lambda environ: environ["CONTENT_LENGTH"], **CHUNKED)) > 3
    assert body.tell() == bodies.CHUNK


def test_a_chunked_body_that_breaks_off_is_an_error() -> None:
    with pytest.raises(OSError, match="chunks"):
        ask(Broken(b"0123"), whole, **CHUNKED)
