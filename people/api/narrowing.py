"""What answers leave out for API keys with fewer scopes.

Without `people:read` nobody is named who does not match, numbers have two digits, which are too few to approach a
stored face step by step, and a change answers what it wrote. Without `people:search` nobody is named at all.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rest_framework.request import Request

from calibration.types import Decision
from clients.models import Scope
from clients.permissions import may, require_scope, what_was_written

SHOWN = {Decision.MATCH, Decision.REVIEW}  # what is said of people who are presented to the caller
NUMBERS = ("distance", "similarity", "margin")
DIGITS = 2
Body = dict[str, Any]


def require_own_threshold(request: Request, threshold: float | None) -> None:
    """With thresholds of its own, a caller could have anybody match, or measure distances by halving."""
    if threshold is not None:
        require_scope(request, Scope.PEOPLE_READ)


def comparison(request: Request, body: Body) -> Body:
    """A comparison with a stored face. Without `people:search`, one that does not match has no numbers."""
    if may(request, Scope.PEOPLE_READ):
        return body
    hidden: set[str] = set()
    if not may(request, Scope.PEOPLE_SEARCH):
        hidden = {"margin"} if body["decision"] in SHOWN else set(NUMBERS)
    numbers = {name: None if body[name] is None or name in hidden else round(body[name], DIGITS) for name in NUMBERS}
    return body | numbers


def candidates(request: Request, found: list[Body]) -> list[Body]:
    """People who may be the one on an image."""
    if not may(request, Scope.PEOPLE_SEARCH):
        return []
    if not may(request, Scope.PEOPLE_READ):
        found = [one for one in found if one["comparison"]["decision"] in SHOWN]
    return [one | {"comparison": comparison(request, one["comparison"])} for one in found]


def search(request: Request, body: Body) -> Body:
    for face in body["faces"]:
        face["candidates"] = candidates(request, face["candidates"])
        if face["comparison"]:
            face["comparison"] = comparison(request, face["comparison"])
    return body


def written(request: Request, body: Body, given: Collection[str]) -> Body:
    """A stored row, of which a caller who may not read sees what it gave, and what refers to the row."""
    return what_was_written(request, body, given, scope=Scope.PEOPLE_READ)


def enrolment(request: Request, body: Body) -> Body:
    """Other people with the same face are what a search finds: only a caller who may search learns of them."""
    return body | {"duplicates": candidates(request, body["duplicates"])}
