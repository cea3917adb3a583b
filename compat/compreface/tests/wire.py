"""Calls as CompreFace's clients make them, to Django's test client or a running service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

from django.test import Client as Browser
from requests.structures import CaseInsensitiveDict

from clients.models import Client
from compat.compreface.services import create_service

API = "/api/v1"
RECOGNISE, FACES, SUBJECTS = "recognition/recognize", "recognition/faces", "recognition/subjects"
DETECT, VERIFY = "detection/detect", "verification/verify"
EMBEDDINGS = "recognition/embeddings/recognize"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]
    content: bytes

    @property
    def error(self) -> tuple[int, int]:
        """Status and code; the body must hold a message and nothing else."""
        assert list(self.body) == ["message", "code"] and isinstance(self.body["message"], str), self.body
        return self.status, self.body["code"]


@dataclass(frozen=True)
class Caller:
    """A program with a key. Paths are given without `/api/v1`, and sent as they are."""

    key: str | None
    url: str = ""  # of a running service
    prefix: str = ""

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "application/json", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent["x-api-key"] = self.key
        ask = _over_http if self.url else _in_process
        status, answered, content = ask(self.url, method, f"{self.prefix}{API}/{path}", body, sent, kind)
        is_json = answered.get("Content-Type", "").startswith("application/json")
        return Answer(status, json.loads(content) if is_json and content else None, answered, content)

    def with_key(self, key: str | None) -> Caller:
        return replace(self, key=key)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.call("DELETE", path, **headers)

    def json(self, path: str, body: Any, method: str = "POST", **headers: str) -> Answer:
        return self.call(method, path, json.dumps(body).encode(), **headers)

    def form(self, path: str, files: Mapping[str, bytes], *, name: str = "image.jpg", **headers: str) -> Answer:
        """As multipart, whose parts have no type, as the Python SDK sends them."""
        boundary = b"b0undary"
        parts = [
            b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n'
            % (boundary, part.encode(), name.encode(), data)
            for part, data in files.items()
        ]
        body = b"".join(parts) + b"--%s--\r\n" % boundary
        return self.call("POST", path, body, f"multipart/form-data; boundary={boundary.decode()}", **headers)

    def image(self, path: str, data: bytes, **headers: str) -> Answer:
        return self.form(path, {"file": data}, **headers)

    def add(self, subject: str, data: bytes) -> str:
        """Enrol; returns the id of the example."""
        answer = self.image(f"{FACES}?subject={quote(subject)}", data)
        assert answer.status == 201, answer.body
        return str(answer.body["image_id"])


def _in_process(_: str, method: str, path: str, body: bytes, headers: dict[str, str], kind: str) -> Any:
    path, _, query = path.partition("?")
    browser, more = Browser(raise_request_exception=False), {"QUERY_STRING": query, "RAW_URI": path}
    found: Any = browser.generic(method, path, body, content_type=kind, headers=headers, **more)
    return found.status_code, found.headers, b"".join(found.streaming_content) if found.streaming else found.content


def _over_http(url: str, method: str, path: str, body: bytes, headers: dict[str, str], kind: str) -> Any:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers | {"Content-Type": kind})
        found = connection.getresponse()
        return found.status, CaseInsensitiveDict(found.getheaders()), found.read()
    finally:
        connection.close()


def caller_of(client: Client, kinds: str = "RDV", *, embeddings: bool = True, **more: Any) -> Caller:
    """With a key of ours."""
    return Caller(create_service(client=client, kinds=kinds, name="Test", embeddings=embeddings, **more)[1])
