"""How errors are answered: a status and a text, as DeepStack does, with our own code next to them."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from compat.refusals import Refusal
from errors import InvalidInput

WRONG_KEY = "Incorrect api key"
REFUSALS = (
    Refusal((exceptions.AuthenticationFailed, exceptions.NotAuthenticated), 401, WRONG_KEY),
    Refusal((InvalidInput, exceptions.ParseError), 400),
)


def write_error(response: Response, word: str) -> dict[str, Any]:
    """`code` is the status, as CodeProject.AI has it. Takes off the challenge that would open a browser's dialogue."""
    response.headers.pop("WWW-Authenticate", None)
    detail = response.data["detail"]
    text = word or (detail if isinstance(detail, str) else "The request cannot be read.")
    return {"success": False, "error": text, "code": response.status_code, "error_code": response.data["code"]}
