"""Chunked uploads byte by byte as curl, Node, .NET and Go send them.

Those of curl 7.88 (`-F`) and Node 20 (`fetch` with a stream, and a stream piped into `http.request`) are recorded.
Those of .NET and Go are no recordings. They are written down here as their sources have it:
`ChunkedEncodingWriteStream` and `MultipartFormDataContent` of System.Net.Http, `chunkedWriter` and `transferWriter` of
net/http.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from faceapp.tests.live_stack import LiveStack

pytestmark = pytest.mark.models

PEOPLE = "/api/v1/people/"
RECORDED = Path(__file__).parent / "recorded"
METADATA = {f"k{number}": random.Random(number).randbytes(20).hex() for number in range(40)}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
DOTNET = (
    f"POST {PEOPLE} HTTP/1.1\r\nHost: @HOST@\r\nX-API-Key: @KEY@\r\nExpect: 100-continue\r\n"
    'Transfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary="a1-b2"\r\n\r\n'
)
GO = (
    f"POST {PEOPLE} HTTP/1.1\r\nHost: @HOST@\r\nUser-Agent: Go-http-client/1.1\r\nTransfer-Encoding: chunked\r\n"
    "Content-Type: multipart/form-data; boundary=a1-b2\r\nTrailer: X-Checksum\r\nX-Api-Key: @KEY@\r\n"
    "Accept-Encoding: gzip\r\n\r\n"
)


def form(external_id: str, *, quoted: bool = True, more: str = "") -> bytes:
    """.NET quotes the boundary and no names."""
    mark = '"' if quoted else ""
    fields = {"external_id": external_id, "name": "Zoë Ωmega", "metadata": json.dumps(METADATA)}
    parts = (
        f"--a1-b2\r\n{more}Content-Disposition: form-data; name={mark}{name}{mark}\r\n\r\n{value}\r\n"
        for name, value in fields.items()
    )
    return ("".join(parts) + "--a1-b2--\r\n").encode()


def pieces(body: bytes) -> Iterator[bytes]:
    """Of 1, 4, 13, 40 … bytes."""
    size = 1
    while body:
        yield body[:size]
        body, size = body[size:], size * 3 % 997 + 1


def chunked(body: bytes, *, size: str = "x", extension: str = "", trailers: str = "") -> bytes:
    chunks = (f"{len(piece):{size}}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces(body))
    return b"".join([*chunks, f"0{extension}\r\n{trailers}\r\n".encode()])


SENT = {name: (RECORDED / f"{name}.http").read_bytes() for name in ("curl", "node-fetch", "node-http")} | {
    "dotnet": DOTNET.encode()
    + chunked(form("dotnet", quoted=False, more="Content-Type: text/plain; charset=utf-8\r\n"), size="X"),
    "go": GO.encode() + chunked(form("go"), trailers="X-Checksum: 9e107d9d\r\n"),
    "extended": GO.replace("Trailer: X-Checksum\r\n", "").encode()
    + chunked(form("extended"), extension=';part=1;note="a, b"'),
}


def replayed(live: LiveStack, sent: bytes) -> tuple[bytes, bytes]:
    """What is answered before the body, and to all of it; the connection is closed for writing then."""
    address = urlsplit(live.url)
    sent = sent.replace(b"@HOST@", address.netloc.encode()).replace(b"@KEY@", live.api_key.encode())
    head, end, body = sent.partition(b"\r\n\r\n")
    with socket.create_connection((str(address.hostname), address.port), timeout=60) as caller:
        caller.sendall(head + end)
        first = caller.recv(len(CONTINUE)) if b"100-continue" in head else b""
        for start in range(0, len(body), 700):  # not where the chunks begin
            caller.sendall(body[start : start + 700])
        caller.shutdown(socket.SHUT_WR)
        return first, b"".join(iter(lambda: caller.recv(65536), b""))


def people(live: LiveStack, external_id: str) -> list[Any]:
    query = {"external_id": external_id}
    found = requests.get(live.url + PEOPLE, query, headers={"X-API-Key": live.api_key}, timeout=60).json()
    return list(found["items"])


@pytest.mark.parametrize("program", list(SENT))
def test_uploads_of_programs_arrive_whole(live: LiveStack, program: str) -> None:
    first, answer = replayed(live, SENT[program])
    assert first == (CONTINUE if program in {"curl", "dotnet"} else b"")
    assert answer.startswith(b"HTTP/1.1 201"), answer
    [person] = people(live, program)
    assert (person["name"], person["metadata"]) == ("Zoë Ωmega", METADATA)


@pytest.mark.parametrize("program", list(SENT))
def test_nothing_is_stored_of_a_stream_that_ends_in_a_chunk(live: LiveStack, program: str) -> None:
    another = SENT[program].replace(program.encode(), b"x" * len(program))
    _, answer = replayed(live, another[: another.rindex(b"--\r\n") - 5])
    assert answer.startswith(b"HTTP/1.1 422") and b'"bad_body"' in answer
    assert people(live, "x" * len(program)) == []
