"""Template filters for pictures of faces."""

from __future__ import annotations

import math
from typing import Any

from django import template
from django.utils.safestring import SafeString

from storage import pictures
from storage.models import StoredFace

register = template.Library()


@register.filter
def quality_words(quality: dict[str, Any]) -> list[tuple[str, bool]]:
    """`{% for word, good in face.quality|quality_words %}`"""
    return pictures.quality_words(quality)


@register.filter
def percentage(share: float) -> str:
    """A share with two digits that count, in percent."""
    return f"{100 * share:.2g} %"


@register.filter
def matched_first(image: Any) -> list[Any]:
    """The faces of a screened image, those with a match before the others, the closest first."""

    def closeness(face: Any) -> float:
        return min((match.distance for match in face.matches.all()), default=math.inf)

    return sorted(image.faces.all(), key=closeness)


@register.simple_tag
def face_box(row: StoredFace, width: int | None, height: int | None, style: str = "fa-face") -> SafeString:
    """The box of one stored face over its picture."""
    return pictures.overlay([(row.box, style)], width=width, height=height)


@register.simple_tag
def image_boxes(image: Any) -> SafeString:
    """All faces of a screened image, those with a match in the colour of matches."""
    return pictures.overlay(pictures.faces_of(image), width=image.width, height=image.height)


@register.simple_tag
def share(value: float, whole: float) -> str:
    """`value` of `whole` as a CSS length, at most all of it."""
    return f"{max(0.0, min(1.0, value / whole if whole else 1.0)):.1%}"
