"""The app Face Recognition as a server sees it: its three requests, byte for byte as its client puts them on the wire.

One fresh connection a request, no redirects followed, no time limit of its own (ours is for tests that hang).
"""

from __future__ import annotations

import json
import posixpath
import secrets
import socket
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any

import redis

from environment import socket_directory
from faceapp.tests.live_stack import LiveStack

TIMEOUT = 200.0  # seconds
ANNOUNCED = 1024 * 1024  # bytes; larger bodies are announced with `Expect: 100-continue`
PATIENCE = 1.0  # seconds after which the body is sent all the same


class AppError(Exception):
    """What makes the app's job stop or its image fail: any status but 200, or no connection (status 0)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    told_to_continue: bool = False

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class App:
    """The app's client class for an address as an administrator enters it (`host:port/prefix`) and a key."""

    address: str
    key: str
    preferred_type: str = field(default="", init=False)
    maximum_area: int = field(default=-1, init=False)

    def open(self) -> None:
        answer = self.get("/open")
        if answer.status != 200:
            raise AppError(answer.status)
        self.maximum_area = int(answer.json()["maximum_area"])
        self.preferred_type = answer.json()["preferred_mimetype"]

    def detect(self, image: bytes, path: str = "/tmp/oc_tmp_x8Jq0t") -> list[dict[str, Any]]:
        """The faces of a temporary file at `path`, which has no extension."""
        answer = self.post_image(image, path)
        if answer.status != 200:
            raise AppError(answer.status)
        body = answer.json()
        return [] if body["faces-count"] == 0 else body["faces"]

    def compute(self, image: bytes, face: dict[str, Any], path: str = "/data/alice/files/photo.jpg") -> dict[str, Any]:
        file = part("file", image, filename=posixpath.basename(path), kind=self.preferred_type or "image/jpeg")
        answer = self.post("/compute", [file, part("face", json.dumps(face).encode())], key_header=b"x-api-key:")
        if answer.status != 200:
            raise AppError(answer.status)
        echoed: dict[str, Any] = answer.json()["face"]
        return echoed

    # ---- one level below ---------------------------------------------------------------------------------------
    def get(self, path: str, *, header: bytes = b"x-api-key: ") -> Answer:
        return self.exchange("GET", path, [header + self.key.encode()])

    def post_image(self, image: bytes, path: str = "/tmp/oc_tmp_x8Jq0t") -> Answer:
        return self.post("/detect", [part("file", image, filename=path)])

    def post(self, path: str, parts: list[bytes], *, key_header: bytes = b"x-api-key: ") -> Answer:
        boundary = b"-" * 24 + secrets.token_hex(8).encode()
        body = b"".join(b"--" + boundary + b"\r\n" + text + b"\r\n" for text in parts) + b"--" + boundary + b"--\r\n"
        kind = b"Content-Type: multipart/form-data; boundary=" + boundary
        return self.exchange("POST", path, [key_header + self.key.encode(), kind], body)

    def exchange(self, method: str, path: str, headers: list[bytes], body: bytes | None = None) -> Answer:
        host, _, prefix = self.address.removeprefix("http://").partition("/")
        lines = [f"{method} {'/' if prefix else ''}{prefix}{path} HTTP/1.1", f"Host: {host}", "Accept: */*"]
        sizes = [] if body is None else [f"Content-Length: {len(body)}".encode()]
        expects = body is not None and len(body) > ANNOUNCED
        head = [*(line.encode() for line in lines), headers[0], *sizes, *headers[1:]]
        head += [b"Expect: 100-continue"] if expects else []
        with self._connection(host) as connection:
            connection.sendall(b"\r\n".join(head) + b"\r\n\r\n")
            told = expects and is_told_to_continue(connection)
            connection.sendall(body or b"")
            response = HTTPResponse(connection, method=method)
            response.begin()
            return Answer(response.status, dict(response.getheaders()), response.read(), told)

    @staticmethod
    def _connection(host: str) -> socket.socket:
        name, _, port = host.partition(":")
        try:
            return socket.create_connection((name, int(port)), timeout=TIMEOUT)
        except OSError as error:
            raise AppError(0) from error


def part(name: str, content: bytes, *, filename: str | None = None, kind: str = "application/octet-stream") -> bytes:
    """One part of a form, without the boundary."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is None:
        return disposition.encode() + b"\r\n\r\n" + content
    head = f'{disposition}; filename="{filename}"\r\nContent-Type: {kind}\r\n\r\n'
    return head.encode("latin-1") + content


def is_told_to_continue(connection: socket.socket) -> bool:
    """Whether the interim answer came before the app lost its patience."""
    connection.settimeout(PATIENCE)
    try:
        return connection.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
    except TimeoutError:
        return False
    finally:
        connection.settimeout(TIMEOUT)


def images_in_flight(live: LiveStack) -> int:
    """How many images wait in the queue's memory for a worker."""
    queue = redis.Redis(unix_socket_path=str(socket_directory(live.var) / "redis.sock"))
    return len(list(queue.scan_iter("faceapp:image:*")))
