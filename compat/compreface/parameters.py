"""The query of a call, read as leniently as CompreFace's clients write it.

The JavaScript SDK puts `?` before every parameter, the Python SDK `&` before the first; programs send names in UTF-8 or
Latin-1, encoded or bare. None of them sends what belongs to one parameter in another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

from django.http import HttpRequest

from compat.compreface.exceptions import BadNumber, BadValue, MissingParameter, NoFace
from vision.selection import FacesWanted

NAMES = ("limit", "det_prob_threshold", "prediction_count", "face_plugins", "status", "detect_faces", "subject", "page",
         "size", "sort", "extended")  # fmt: skip
SEPARATOR = re.compile(rb"&|\?(?=(?:%s)=)" % "|".join(NAMES).encode())
BLANKS = re.compile(r"[,\s]+")
PLUGINS = ("age", "gender", "pose", "landmarks", "calculator")
YES, NO = {"true", "on", "yes", "1"}, {"false", "off", "no", "0"}
MOST_FOUND, LARGEST_PAGE, PAGE = 4096, 2000, 20


@dataclass(frozen=True)
class Query:
    """The parameters of a call, the first of each name."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, request: HttpRequest) -> Query:
        raw = request.META.get("QUERY_STRING", "").encode("latin-1", "replace").lstrip(b"?")
        values: dict[str, str] = {}
        for pair in SEPARATOR.split(raw):
            name, _, value = pair.partition(b"=")
            values.setdefault(text_of(name, plus=True), text_of(value, plus=True))
        return cls(values)

    @property
    def faces(self) -> FacesWanted:
        """Raises `BadValue`, `BadNumber`, or `NoFace` for a threshold that no face can have."""
        limit = self._whole("limit", 0)
        if limit < 0:
            raise BadValue("Limit should be equal or greater than 0; ")
        return FacesWanted(self.surer_than, limit)

    @property
    def surer_than(self) -> float:
        """The confidence that a face must exceed. Raises `BadNumber`, or `NoFace` outside of 0 to 1."""
        text = self.values.get("det_prob_threshold", "").strip()
        try:
            value = float(text or "-1")
        except ValueError as error:
            raise BadNumber("det_prob_threshold must be a number") from error
        if text and not (math.isfinite(value) and 0 <= value <= 1):
            raise NoFace("No face is found in the given image")
        return value

    @property
    def predictions(self) -> int:
        """How many examples are named for a face; -1 was once the way to ask for all of them. Raises `BadValue`."""
        count = self._whole("prediction_count", 1)
        if count < 1 and count != -1:
            raise BadValue("prediction_count should be equal or greater than 1; ")
        return MOST_FOUND if count == -1 else min(count, MOST_FOUND)

    @cached_property
    def plugins(self) -> frozenset[str]:
        """Those that are asked for and known here; others are overlooked."""
        named = BLANKS.split(self.values.get("face_plugins", "").lower())
        return frozenset(named).intersection(PLUGINS)

    def flag(self, name: str, *, otherwise: bool = False) -> bool:
        """Raises `BadNumber` for a text that is no truth value."""
        text = self.values.get(name, "").strip().lower()
        if text in {"", *YES, *NO}:
            return text in YES if text else otherwise
        raise BadNumber(f"{name} must be true or false")

    @property
    def page(self) -> tuple[int, int]:
        """Number, from 0, and size of a page. What is no such number counts as not sent, as Spring has it."""
        number, size = (_whole_or(self.values.get(name, ""), None) for name in ("page", "size"))
        return max(number or 0, 0), min(size, LARGEST_PAGE) if size and size > 0 else PAGE

    @property
    def subject(self) -> str | None:
        """Raises `BadValue` for a blank one."""
        name = self.values.get("subject")
        if name is not None and not name.strip():
            raise BadValue("Subject name is empty; ")
        return name

    def required_subject(self) -> str:
        """Raises `MissingParameter` too."""
        if self.subject is None:
            raise MissingParameter("Required parameter subject is missing")
        return self.subject

    def _whole(self, name: str, otherwise: int) -> int:
        text = self.values.get(name, "").strip()
        number = _whole_or(text, None) if text else otherwise
        if number is None:
            raise BadNumber(f"{name} must be a whole number")
        return number


def _whole_or(text: str, otherwise: Any) -> Any:
    return int(text) if re.fullmatch(r"\s*[+-]?\d{1,9}\s*", text, re.ASCII) else otherwise


def text_of(raw: bytes, *, plus: bool = False) -> str:
    """Percent-encoded bytes as text: UTF-8, or Latin-1 where they are not that."""
    data = unquote_to_bytes(raw.replace(b"+", b" ") if plus else raw)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def name_in_path(request: HttpRequest, name: str) -> str:
    """The last part of a path as it was sent: names with bare bytes of Latin-1 or UTF-8 reach us broken otherwise.

    `name` is how Django read it.
    """
    raw = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or ""
    sent = text_of(raw.partition("?")[0].encode("latin-1", "replace"))
    return sent.rstrip("/").partition("/recognition/subjects/")[2] or name


def image_id(text: str) -> UUID:
    """The id of an example in a path. Raises `BadNumber`."""
    try:
        return UUID(text)
    except ValueError as error:
        raise BadNumber("The id of an image must be a UUID") from error
