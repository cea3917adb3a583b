"""JSON and short forms."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from rest.parsers import MOST_TEXT, MOST_VALUES, FormParser, JSONParser
from rest.tests.test_multipart import Images


def parsed(body: bytes, *, view: object = None, parser: Any = JSONParser) -> Any:
    request = Request(APIRequestFactory().generic("POST", "/", body, content_type="application/json"))
    return parser().parse(BytesIO(body), parser_context={"request": request, "view": view})


def test_a_byte_order_mark_is_no_part_of_json() -> None:
    assert parsed(b'\xef\xbb\xbf{"a": "\xc3\xa9"}') == {"a": "é"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe{}", b'{"a": NaN}', b"[" * 20_000, b"[" + b"{}," * MOST_VALUES + b"{}]"]
)
def test_json_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        parsed(body, view=Images())


def test_a_body_without_images_is_short() -> None:
    text = b'"' + b"x" * MOST_TEXT + b'"'
    assert len(parsed(text, view=Images())) == MOST_TEXT
    for parser in (JSONParser, FormParser):
        with pytest.raises(RequestDataTooBig):
            parsed(text, parser=parser)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_of_a_body_that_was_read_no_copy_is_kept(content_type: str) -> None:
    context = {"view": Images()}
    http = APIRequestFactory().generic("POST", "/", b'"' + b"x" * 1000 + b'"', content_type=content_type)
    request = Request(http, parsers=[JSONParser(), FormParser()], parser_context=context)
    assert len(request.data) in (1, 1000)
    assert (http.__dict__["_body"], http.__dict__["_stream"].getvalue()) == (b"", b"")
