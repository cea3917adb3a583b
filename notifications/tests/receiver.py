"""A server that receives messages, and behaves as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        getattr(self, self.server.behaviour)()

    def well(self) -> None:
        self.send_response(204)
        self.end_headers()

    def error(self) -> None:
        self.send_response(500)
        self.end_headers()

    def redirecting(self) -> None:
        self.send_response(307)
        self.send_header("Location", f"http://127.0.0.1:{self.server.port}/elsewhere")
        self.end_headers()

    def nonsense(self) -> None:
        self.wfile.write(b"\x00\xff nonsense\r\n\r\n")

    def slow(self) -> None:
        self.server.may_end.wait(60)

    def huge(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(1 << 12):
                self.wfile.write(bytes(1 << 16))
                self.server.poured += 1 << 16
        except OSError:
            self.server.was_cut.set()

    def log_message(self, *args: object) -> None:
        """Silent."""


class Receiver(ThreadingHTTPServer):
    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.behaviour = "well"
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.poured = 0
        self.may_end, self.was_cut = threading.Event(), threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    with Receiver(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.may_end.set()
            server.shutdown()
            thread.join()
