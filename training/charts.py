"""Learning curves as a picture in the page: SVG without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 380, 170  # units of the drawing
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 14, 24
MAX_POINTS = 300
LINES = 4


def curves(
    rows: Sequence[Mapping[str, Any]], *, title: str, series: Mapping[str, str], top: float | None
) -> SafeString:
    """One line for each of `series` (name in the rows → label); `top` is the axis' end, None the largest value."""
    step = max(1, len(rows) // MAX_POINTS)
    kept = [row for index, row in enumerate(rows) if index % step == 0 or index == len(rows) - 1]
    values = [row[name] for row in kept for name in series if name in row]
    if not values:
        return SafeString("")
    highest = top or max(max(values), 1e-6)
    lines = [(highest * line / LINES, _height(highest * line / LINES, highest)) for line in range(LINES + 1)]
    grid = format_html_join(
        "",
        '<line x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        ((LEFT, WIDTH - RIGHT, y, y, LEFT - 5, y + 4, f"{value:.2g}") for value, y in lines),
    )
    return format_html(
        '<figure class="fa-chart"><figcaption>{}</figcaption>'
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg></figure>',
        format_html_join("", '<span class="fa-series-{}">{}</span>', enumerate(series.values())),
        WIDTH,
        HEIGHT,
        f"{title}, epoch by epoch",
        grid,
        format_html_join(
            "",
            '<polyline class="fa-series-{}" points="{}"/>',
            ((place, _points(kept, name, rows[-1]["epoch"], highest)) for place, name in enumerate(series)),
        ),
        format_html(
            '<text x="{}" y="{}" text-anchor="end">epoch {}</text>', WIDTH - RIGHT, HEIGHT - 6, rows[-1]["epoch"]
        ),
    )


def _points(rows: Sequence[Mapping[str, Any]], name: str, last: int, highest: float) -> str:
    width = WIDTH - LEFT - RIGHT
    return " ".join(
        f"{LEFT + width * (row['epoch'] - 1) / max(last - 1, 1):.1f},{_height(row[name], highest):.1f}"
        for row in rows
        if name in row
    )


def _height(value: float, highest: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(max(value / highest, 0.0), 1.0)
