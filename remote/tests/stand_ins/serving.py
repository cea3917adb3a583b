"""An HTTP server on loopback for a stand-in, the same in process, and what it is told to do wrong."""

from __future__ import annotations

import io
import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse

HTML = b"<!DOCTYPE html><html><body><h1>Internal Server Error</h1></body></html>"


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
        return cls(status, json.dumps(value).encode(), {"Content-Type": kind} | headers)


def html(status: int = 500) -> Answer:
    return Answer(status, HTML, {"Content-Type": "text/html; charset=utf-8"})


class Faults:
    """Answers that are given instead of right ones, each once and in turn, to calls whose name has the text."""

    def __init__(self) -> None:
        self._planned: deque[tuple[str, Answer]] = deque()

    def plan(self, name: str, *answers: Answer) -> None:
        self._planned.extend((name, answer) for answer in answers)

    def due(self, name: str) -> Answer | None:
        for planned in self._planned:
            if planned[0] in name:
                self._planned.remove(planned)
                return planned[1]
        return None


class Service(Protocol):
    def handle(self, call: Call) -> Answer: ...


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # head and body leave together, or the second waits for an acknowledgement
    server: _Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        parts = urlsplit(self.path)
        call = Call(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        answer = self.server.service.handle(call)
        self.send_response(answer.status)
        for name, value in (answer.headers | {"Content-Length": str(len(answer.body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    service: Service

    def handle_error(self, *_: Any) -> None:
        """Callers that hang up are what tests do."""


@contextmanager
def serving(service: Service, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL at which the service answers."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.service = service
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _InProcess(HTTPAdapter):
    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        headers = {name.lower(): str(value) for name, value in request.headers.items()} | {"host": parts.netloc}
        call = Call(request.method or "", parts.path, dict(parse_qsl(parts.query)), headers, bytes(body))
        answer = self._service.handle(call)
        raw = HTTPResponse(
            io.BytesIO(answer.body), dict(answer.headers), answer.status, preload_content=False, reason="Stand-in"
        )
        return self.build_response(request, raw)


def session_with(service: Service) -> requests.Session:
    """A session whose requests go to the service without a socket, whatever their host."""
    session = requests.Session()
    session.trust_env = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, _InProcess(service))
    return session
