"""Forms as programs send them: every part arrives in its place, or the form is refused."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest
from pytest_django.fixtures import Settings
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from rest.multipart import MultiPartParser, file_name
from rest.parsers import MOST_TEXT

BOUNDARY = "simple"
END = b"--simple--\r\n"


def part(disposition: bytes, content: bytes, *headers: bytes) -> bytes:
    lines = [b"--simple", b"Content-Disposition: form-data; " + disposition, *headers, b"", content, b""]
    return b"\r\n".join(lines)


def file_part(name: bytes, content: bytes) -> bytes:
    return part(b'name="images"; filename="' + name + b'"', content, b"Content-Type: image/jpeg")


class Images:
    """A view that takes them."""

    takes_images = frozenset({"post"})


def parsed(body: bytes, content_type: str = "multipart/form-data; boundary=simple", *, view: object = Images()) -> Any:
    django: HttpRequest = APIRequestFactory().generic("POST", "/", body, content_type=content_type)
    return MultiPartParser().parse(BytesIO(body), parser_context={"request": Request(django), "view": view})


def contents(body: bytes) -> list[bytes]:
    return [file.read() for file in parsed(body).files.getlist("images")]


@pytest.mark.parametrize(
    "name",
    [
        "Müller.jpg".encode("latin-1"), "Müller.jpg".encode("cp437"), "写真.jpg".encode("shift-jis"),
        "Мюллер.jpg".encode("cp1251"), b"..", b".", b"\\\\", b"photos/", "\u202e.".encode(), b"a\x00b", b"",
        b"x" * 4000,
    ],
)  # fmt: skip
def test_a_file_is_kept_in_its_place_whatever_it_is_called(name: bytes) -> None:
    body = file_part(b"1.jpg", b"first") + file_part(name, b"second") + file_part(b"3.jpg", b"third") + END
    assert contents(body) == [b"first", b"second", b"third"]


def test_a_file_without_a_name_is_known_by_its_type() -> None:
    unnamed = part(b'name="images"', b"\xff\xd8 picture", b"Content-Type: image/jpeg")
    assert contents(file_part(b"1.jpg", b"first") + unnamed + END) == [b"first", b"\xff\xd8 picture"]


def test_an_empty_field_of_a_browser_is_no_file() -> None:
    found = parsed(part(b'name="image"; filename=""', b"") + END)
    assert dict(found.data) == {"image": [""]} and not found.files


def test_texts_are_read_in_their_own_encoding() -> None:
    plain, typed = "Käthe".encode(), "Käthe".encode("latin-1")
    body = part(b'name="a"', plain) + part(b'name="b"', typed, b"Content-Type: text/plain; charset=latin-1")
    body += part(b'name="c"', b'{"x": 1}', b"Content-Type: application/json") + part(b'name="a"', b"2") + END
    assert dict(parsed(body).data) == {"a": ["Käthe", "2"], "b": ["Käthe"], "c": ['{"x": 1}']}


def test_base64_is_decoded() -> None:
    encoded = part(b'name="images"; filename="a"', b"Zmly\r\nc3Q=", b"Content-Transfer-Encoding: base64")
    assert contents(encoded + END) == [b"first"]
    with pytest.raises(ParseError):
        parsed(part(b'name="images"; filename="a"', b"Zml", b"Content-Transfer-Encoding: base64") + END)


WHOLE = file_part(b"1.jpg", b"first") + file_part(b"2.jpg", b"second") + END


@pytest.mark.parametrize("length", range(1, len(WHOLE) - 2))
def test_a_form_that_ends_early_is_refused_wherever_it_is_cut(length: int) -> None:
    with pytest.raises(ParseError):
        parsed(WHOLE[:length])


@pytest.mark.parametrize(
    "body",
    [part(b"", b"text") + END, b"--simple\r\n\r\ntext\r\n" + END, part(b"x" * 9000, b"") + END, b"no form at all"],
)
def test_a_broken_form_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        parsed(body)


@pytest.mark.parametrize("content_type", ["multipart/form-data", f"multipart/form-data; boundary={'x' * 201}"])
def test_a_form_names_its_boundary(content_type: str) -> None:
    with pytest.raises(ParseError):
        parsed(WHOLE, content_type)


def test_what_follows_the_form_is_read_and_ignored() -> None:
    assert contents(WHOLE + b"x" * 200_000) == [b"first", b"second"]


def test_a_large_file_is_read_in_pieces() -> None:
    content = bytes(range(256)) * 4096
    assert contents(file_part(b"a", content) + END) == [content]


def test_files_are_counted(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 1
    with pytest.raises(TooManyFilesSent):
        parsed(WHOLE)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("C:\\photos\\a.jpg", "a.jpg"), ("/tmp/b.png", "b.png"), ("a\x1b[31m.jpg", "a[31m.jpg"), (" ", "image")],
)
def test_names_of_files(sent: str, kept: str) -> None:
    assert file_name(sent) == kept


def test_a_form_without_images_is_short() -> None:
    with pytest.raises(RequestDataTooBig):
        parsed(file_part(b"a", b"x" * MOST_TEXT) + END, view=object())
