"""Bars as a picture in the page: SVG without scripts and styles, which `templates/console/chart.html` draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

STEP, HEIGHT = 10, 60  # of the drawing, in units: a bar with the gap next to it, and the highest bar


@dataclass(frozen=True)
class Piece:
    """A rectangle of the drawing; `kind` is its CSS class."""

    x: float
    y: float
    height: float
    kind: str


@dataclass(frozen=True)
class Chart:
    """`headline` and `about` are the most important figure and its words, `description` is for who cannot see it."""

    key: str
    title: str | Promise
    headline: str
    about: str
    description: str
    pieces: list[Piece]
    width: int


def bars(
    key: str, title: str | Promise, stacks: Sequence[dict[str, float]], *, headline: str, about: str, description: str
) -> Chart:
    """One bar for each of `stacks`, made of values by their CSS class, the lowest first. The highest bar fills it."""
    highest = max((sum(stack.values()) for stack in stacks), default=0) or 1
    pieces = []
    for number, stack in enumerate(stacks):
        top = float(HEIGHT)
        for kind, value in stack.items():
            height = HEIGHT * value / highest
            top -= height
            pieces += [Piece(number * STEP + 1, round(top, 2), round(height, 2), kind)] if value else []
    return Chart(key, title, headline, about, description, pieces, STEP * len(stacks))
