"""Pagination: tokens that say where the next page begins, and are good for one operation, client and collection."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from django.utils.crypto import constant_time_compare, salted_hmac

from compat.rekognition.exceptions import BadPage

SALT = "compat.rekognition.pages"
SIGNATURE = 16  # characters
Row = TypeVar("Row")


def write_token(last: str, *, of: str) -> str:
    """`last`: what the page ended with; `of`: whose list this is."""
    return base64.urlsafe_b64encode(f"{_signed(last, of)}{last}".encode()).decode()


def read_token(token: str, *, of: str) -> str:
    """Raises `BadPage`."""
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    last = text[SIGNATURE:]
    if not constant_time_compare(text[:SIGNATURE], _signed(last, of)):
        raise BadPage("Pagination token in the request is not valid.")
    return last


def _signed(last: str, of: str) -> str:
    return salted_hmac(SALT, f"{of}\n{last}", algorithm="sha256").hexdigest()[:SIGNATURE]


def page_of(rows: Sequence[Row], size: int) -> tuple[list[Row], bool]:
    """The rows of a page of which one more was read, and whether there are further ones."""
    return list(rows[:size]), len(rows) > size
