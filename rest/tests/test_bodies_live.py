"""Uploads over a real connection: chunked ones, ones that break off, and ones that are refused."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from faceapp.tests.live_stack import LiveStack

pytestmark = pytest.mark.models

PEOPLE = "/api/v1/people/"
BOUNDARY = "----live"


def form(**fields: str) -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    )
    return ("".join(parts) + f"--{BOUNDARY}--\r\n").encode()


def headers(live: LiveStack, **more: str) -> dict[str, str]:
    return {"X-API-Key": live.api_key, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"} | more


@pytest.fixture
def connection(live: LiveStack) -> HTTPConnection:
    address = urlsplit(live.url)
    return HTTPConnection(str(address.hostname), address.port, timeout=60)


def asked(connection: HTTPConnection, method: str, path: str, *given: Any, **options: Any) -> tuple[int, Any]:
    connection.request(method, path, *given, **options)
    response = connection.getresponse()
    return response.status, json.loads(response.read() or b"null")


def found(live: LiveStack, connection: HTTPConnection, external_id: str) -> list[Any]:
    people = asked(connection, "GET", f"{PEOPLE}?external_id={external_id}", headers={"X-API-Key": live.api_key})[1]
    return list(people["items"])


def test_chunked_bodies_are_read(live: LiveStack, connection: HTTPConnection) -> None:
    body = form(external_id="chunked", name="Ada")
    pieces = (body[start : start + 7] for start in range(0, len(body), 7))
    status, person = asked(connection, "POST", PEOPLE, pieces, headers(live), encode_chunked=True)
    assert (status, person["name"]) == (201, "Ada")
    renamed = iter([b'{"name": ', b'"Grace"}'])
    sent = headers(live, **{"Content-Type": "application/json"})
    status, person = asked(connection, "PATCH", f"{PEOPLE}{person['id']}/", renamed, sent, encode_chunked=True)
    assert (status, person["name"]) == (200, "Grace")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (f"multipart/form-data; boundary={BOUNDARY}", form(external_id="cut", name="Ada")[:-30]),
        ("application/x-www-form-urlencoded", b"external_id=cut&name=Alexander+the+Gr"),
        ("application/json", b'{"external_id": "cut"}'),
    ],
)
def test_nothing_is_stored_of_a_body_that_breaks_off(
    live: LiveStack, connection: HTTPConnection, content_type: str, body: bytes
) -> None:
    address = urlsplit(live.url)
    with socket.create_connection((str(address.hostname), address.port), timeout=60) as caller:
        lines = {"Host": address.netloc, "X-API-Key": live.api_key, "Content-Type": content_type}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        caller.sendall(f"POST {PEOPLE} HTTP/1.1\r\n{head}Content-Length: {len(body) + 200}\r\n\r\n".encode() + body)
        caller.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: caller.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 422") and b'"bad_body"' in answer
    assert found(live, connection, "cut") == []


def test_a_form_without_its_end_is_refused(live: LiveStack, connection: HTTPConnection) -> None:
    status, problem = asked(connection, "POST", PEOPLE, form(external_id="open")[:-20], headers(live))
    assert (status, problem["code"]) == (422, "bad_body")
    assert found(live, connection, "open") == []


def test_an_empty_body_makes_nobody(live: LiveStack, connection: HTTPConnection) -> None:
    status, problem = asked(connection, "POST", PEOPLE, headers=headers(live))
    assert (status, problem["code"]) == (422, "validation_error")


@pytest.mark.parametrize("size", [70_000, 800_000, 2_000_000])
def test_a_connection_stays_usable_after_an_early_answer(
    live: LiveStack, connection: HTTPConnection, size: int
) -> None:
    for _ in range(5):
        assert asked(connection, "POST", PEOPLE, b"x" * size, headers(live, **{"X-API-Key": "wrong"}))[0] == 401
        first = connection.sock
        assert asked(connection, "GET", f"{PEOPLE}?limit=1", headers=headers(live))[0] == 200
        assert connection.sock is first
