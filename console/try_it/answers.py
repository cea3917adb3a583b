"""What is shown of one photograph: the picture with its faces, and a row for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.template.defaultfilters import floatformat
from django.urls import reverse

from calibration.types import Comparison
from console.try_it.pictures import Mark, Picture
from console.try_it.snippets import Snippet
from console.try_it.words import odds
from people.models import ReferenceImage


@dataclass(frozen=True)
class Nearest:
    """Who is nearest to a face. `drawn` is the similarity, and `threshold` that of a match, from 0 to 1000."""

    name: str
    photograph: str
    similarity: float
    drawn: int
    threshold: int
    limit: str
    odds: str
    person: str = ""  # the id of somebody who can be enrolled once more

    @classmethod
    def of(cls, comparison: Comparison, *, name: str, image: ReferenceImage | None = None, person: str = "") -> Nearest:
        point, similarity = comparison.point, comparison.similarity or 0.0
        limit = point.similarity(point.threshold)
        return cls(
            name=name,
            photograph=reverse("console:photograph", args=[image.uuid]) if image and image.image else "",
            similarity=similarity,
            drawn=round(1000 * similarity),
            threshold=round(1000 * limit),
            limit=floatformat(limit, 2),
            odds=odds(point, comparison.distance),
            person=person,
        )


@dataclass(frozen=True)
class Row:
    """One face. `verdict` in a word or two, `title` who it is, with its page `url`; `notes` the rest in sentences."""

    mark: Mark
    title: str
    verdict: str
    tone: str
    nearest: Nearest | None = None
    notes: Sequence[str] = ()
    url: str = ""


@dataclass(frozen=True)
class Answer:
    """`problem` says why there is none. `retry`: whether the same file may succeed shortly."""

    name: str
    picture: Picture | None = None
    summary: str = ""
    rows: Sequence[Row] = ()
    snippets: Sequence[Snippet] = ()
    problem: str = ""
    retry: bool = False
    others: Sequence[Other] = field(default_factory=tuple)


@dataclass(frozen=True)
class Other:
    """One of several pictures that the first one is compared with. `url`: the page of one that is stored."""

    name: str
    picture: Picture | None
    verdict: str
    tone: str
    nearest: Nearest | None = None
    problem: str = ""
    url: str = ""
