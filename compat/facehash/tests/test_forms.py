"""Forms of any size, read piece by piece: whatever way they are cut, the same comes out, and little memory is used."""

from __future__ import annotations

import io
import tracemalloc
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from pytest_django.fixtures import Settings
from rest_framework.exceptions import ParseError
from rest_framework.test import APIRequestFactory

from compat.facehash import forms
from compat.facehash.forms import MAX_TEXT, Form, MultipartFormParser, UrlEncodedFormParser
from compat.facehash.services import read_image
from compat.facehash.tests.wire import MARKER
from vision.exceptions import InvalidImage

IMAGES = [b"/9j/" + bytes([65 + number]) * 300 + b"+/==" for number in range(5)]
STREAM = MARKER.join(image.decode() for image in IMAGES)


def multipart(**fields: str | bytes) -> tuple[bytes, str]:
    parts = [
        b'--bound\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in fields.items()
    ]
    return b"".join([*parts, b"--bound--\r\n"]), "multipart/form-data; boundary=bound"


def read(body: bytes, content_type: str) -> Form:
    parser = MultipartFormParser() if content_type.startswith("multipart") else UrlEncodedFormParser()
    request = APIRequestFactory().post("/", body, content_type=content_type)
    form = parser.parse(io.BytesIO(body), content_type, {"request": request})
    assert isinstance(form, Form)
    return form


@pytest.mark.parametrize("chunk", [1, 2, 7, 24, 25, 64 * 1024])
@pytest.mark.parametrize("kind", ["multipart", "urlencoded", "plus signs not encoded"])
def test_a_stream_is_split_wherever_the_network_cut_it(monkeypatch: pytest.MonkeyPatch, chunk: int, kind: str) -> None:
    monkeypatch.setattr(forms, "CHUNK", chunk)
    fields = {"userName": "Zoë & the +1", "stream": STREAM, "API_KEY": "abc.def"}
    if kind == "multipart":
        body, content_type = multipart(**fields)
    else:
        sent = urlencode(fields)
        body = (sent.replace(quote("+/==", safe=""), "+/==") if kind.startswith("plus") else sent).encode()
        content_type = "application/x-www-form-urlencoded"
    form = read(body, content_type)
    assert form.texts == {"userName": "Zoë & the +1", "API_KEY": "abc.def"}
    assert form.images == {"stream": IMAGES}


def test_empty_items_are_no_images() -> None:
    body = multipart(stream=f"{MARKER}  \r\n{MARKER}abcd{MARKER}", picture="")
    assert read(*body).images == {"stream": [b"abcd"], "picture": []}


def test_what_is_too_much_is_not_kept(settings: Settings) -> None:
    settings.FACEHASH_MAX_IMAGES, settings.MAX_IMAGE_BYTES = 2, 100
    form = read(*multipart(stream=MARKER.join(["a" * 90_000, "b" * 150, "c", "d"]), userName="n" * 100_000))
    assert form.images["stream"] == [b"a" * len(form.images["stream"][0]), b"b" * 150]
    assert len(form.images["stream"][0]) < 70_000
    with pytest.raises(InvalidImage, match="larger than 100 bytes"):
        read_image(form.images["stream"][0])
    assert len(form.texts["userName"]) == MAX_TEXT


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=" + "b" * 300),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 60, "multipart/form-data; boundary=b"),
        (b"a=1&" * 60, "application/x-www-form-urlencoded"),
    ],
)
def test_odd_forms_are_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(ParseError):
        read(body, content_type)


@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
def test_a_large_stream_is_in_memory_once(kind: str) -> None:
    image = b"A" * 700_000
    stream = MARKER.encode().join([image] * 20)
    body, content_type = multipart(stream=stream), ""
    if kind == "urlencoded":
        body, content_type = (b"stream=" + stream, "application/x-www-form-urlencoded")  # type: ignore[assignment]
    else:
        body, content_type = body
    tracemalloc.start()
    form: Any = read_stream(_Network(body), content_type)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(item or b"") for item in form.images["stream"]] == [700_000] * 20
    assert peak < 1.35 * len(stream)


class _Network(io.RawIOBase):
    """Gives a body away in pieces, as a socket does."""

    def __init__(self, body: bytes) -> None:
        self.view, self.at = memoryview(body), 0

    def read(self, size: int = -1) -> bytes:
        piece = bytes(self.view[self.at : self.at + (size if size >= 0 else 65536)])
        self.at += len(piece)
        return piece


def read_stream(stream: _Network, content_type: str) -> Any:
    parser = MultipartFormParser() if content_type.startswith("multipart") else UrlEncodedFormParser()
    request = APIRequestFactory().post("/", b"", content_type=content_type)
    return parser.parse(stream, content_type, {"request": request})  # type: ignore[arg-type]
