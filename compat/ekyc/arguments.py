"""The types of arguments, and how lenient the older service was about them."""

from __future__ import annotations

import contextlib
from typing import Any

from compat.ekyc.exceptions import BadArguments
from errors import InvalidInput
from vision import images

REQUIRED, TEXT = "Missing required parameter in the JSON body", "A text is required"
FLAGS = {"true": True, "false": False, "1": True, "0": False}


class Arguments:
    """The JSON object of a call. Mistakes are collected, and `check` raises them all at once."""

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise BadArguments({"body": "A JSON object is required"})
        self.body = body
        self.mistakes: dict[str, str] = {}

    def has(self, name: str) -> bool:
        """Whether the argument is there; null counts as absent."""
        return self.body.get(name) is not None

    def text(self, name: str, *, default: str | None = None) -> str:
        """A text, also where a number came: ids and times are sent as both. Empty ones count as absent."""
        value = self.body.get(name)
        if value is None or value == "":
            return self._absent(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            return self._mistake(name, TEXT)
        with contextlib.suppress(UnicodeEncodeError):  # JSON can hold halves of surrogate pairs, UTF-8 cannot
            value.encode()
            return value
        return self._mistake(name, "The text holds characters that cannot be stored")

    def image(self, name: str) -> str:
        """An image as text, not decoded yet."""
        value = self.body.get(name)
        if value is None:
            return self._absent(name, None)
        return value if isinstance(value, str) else self._mistake(name, TEXT)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """A boolean, a number (0 is false), or its name as text in any case."""
        value = self.body.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool | int | float):
            return bool(value)
        if isinstance(value, str) and value.strip().lower() in FLAGS:
            return FLAGS[value.strip().lower()]
        self._mistake(name, REQUIRED if value is None else "A boolean is required")
        return False

    def images(self, name: str) -> list[str]:
        """A list of images as text, or a single one; absent is empty."""
        values = self.body.get(name)
        if values is None:
            return []
        values = [values] if isinstance(values, str) else values
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            return values
        self._mistake(name, "A list of texts is required")
        return []

    def entries(self, name: str) -> list[Arguments]:
        """A list of objects, each with arguments of its own, or a single one."""
        values = self.body.get(name)
        values = [values] if isinstance(values, dict) else values
        if isinstance(values, list) and all(isinstance(value, dict) for value in values):
            return [Arguments(value) for value in values]
        self._mistake(name, REQUIRED if values is None else "A list of objects is required")
        return []

    def object(self, name: str) -> Arguments:
        """An object with arguments of its own; empty where it is missing, which `check` tells."""
        value = self.body.get(name)
        if isinstance(value, dict):
            return Arguments(value)
        self._mistake(name, REQUIRED if value is None else "An object is required")
        return Arguments({})

    def check(self, *inner: Arguments) -> None:
        """Raises `BadArguments` for the mistakes of these arguments and of `inner` ones."""
        mistakes = dict(self.mistakes)
        for arguments in inner:
            mistakes |= arguments.mistakes
        if mistakes:
            raise BadArguments(mistakes)

    def _absent(self, name: str, default: str | None) -> str:
        return self._mistake(name, REQUIRED) if default is None else default

    def _mistake(self, name: str, text: str) -> str:
        self.mistakes[name] = text
        return ""


def read_image(text: str) -> bytes:
    """The image that a text holds; never what it names. Raises `InvalidImage`, by the image's header alone."""
    data = images.read_text(text, references=False)
    images.sniff(data)
    return data


def read_or_refuse(arguments: Arguments, name: str) -> bytes | InvalidInput:
    """The image of one item of several, or why it cannot be read."""
    try:
        text = arguments.image(name)
        return InvalidInput(TEXT) if name in arguments.mistakes else read_image(text)
    except InvalidInput as error:
        return error
