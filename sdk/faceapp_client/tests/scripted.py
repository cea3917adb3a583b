"""A small server that answers what a test wants: real sockets, so that connections really break."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Carries out the next answer of the script, and the last one for ever."""

    server: Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, body))
        self.server.keys.append(self.headers.get("Idempotency-Key"))
        script = self.server.script
        (script.pop(0) if len(script) > 1 else script[0])(self)

    do_POST = do_DELETE = do_PATCH = do_GET

    def say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """`seen`: method, path and body of every request; `keys`: its idempotency key."""

    def __init__(self, script: list[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.seen, self.keys = script, [], []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is part of the test."""


@contextmanager
def scripted(*script: Answer) -> Iterator[Server]:
    server = Server(list(script))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(body: Any, *, status: int = 200, **headers: str) -> Answer:
    """JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.say(status, json.dumps(body).encode(), named)


def refuses(status: int, code: str, **headers: str) -> Answer:
    """An error in the service's own words."""
    return says({"detail": "It is so.", "code": code}, status=status, **headers)


def proxy(status: int) -> Answer:
    """An error page of something between."""
    return lambda handler: handler.say(status, b"<h1>Bad</h1>", {"Content-Type": "text/html"})


def hangs_up(handler: Handler) -> None:
    """The connection is closed without an answer."""
    handler.close_connection = True


def resets(handler: Handler) -> None:
    """The connection is reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def cuts(handler: Handler) -> None:
    """The answer ends in the middle."""
    handler.say(200, b'{"id"', {"Content-Length": "500"})
    handler.close_connection = True
