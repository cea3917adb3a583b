"""Draws how the similarities of labelled photographs are spread, for the default engine and for mmod with Dlib:
`python -m bench.similarity [folder]`.

The folder holds photographs named `<person>_<anything>`, or the groups that `bench.engine` knows. The picture shows
numbers only, no photograph and no name.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from vision.engines.base import FaceEngine

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "similarity.png"
WIDTH, HEIGHT, MARGIN, GROUND = 960, 420, 50, 350  # pixels of one diagram
BINS = 50  # of 0.02 each
INK, GREY, STRANGERS, SAME = "#111827", "#9ca3af", "#d97706", "#2563eb"


def similarities(folder: Path, engine: FaceEngine) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of all pairs of labelled faces: those of one person, and those of two."""
    from bench.engine import described_by, labelled
    from calibration.services import default_operating_point
    from vision.distances import distance

    point = default_operating_point(space=engine.space)
    faces = [(person, vector) for _, person, vector in labelled(folder, described_by(engine)) if vector is not None]
    same: list[float] = []
    others: list[float] = []
    for (one, first), (two, second) in combinations(faces, 2):
        apart = distance(first, second, metric=point.metric)
        (same if one == two else others).append(point.similarity(apart))
    return np.array(same), np.array(others)


def draw(title: str, same: NDArray[Any], others: NDArray[Any]) -> Image.Image:
    """Two histograms over one scale, as shares of their pairs."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    shares = [np.histogram(values, BINS, (0, 1))[0] / len(values) for values in (others, same)]
    tallest = max(float(share.max()) for share in shares)
    for share, colour in zip(shares, (STRANGERS, SAME), strict=True):
        for index, height in enumerate(share / tallest):
            if height:
                top = GROUND - float(height) * (GROUND - 100)
                pen.rectangle([_x(index / BINS) + 1, top, _x((index + 1) / BINS) - 1, GROUND - 1], fill=colour)
    for tenth in range(11):
        at = _x(tenth / 10)
        pen.line([at, GROUND, at, GROUND + 5], fill=INK)
        pen.text((at, GROUND + 10), f"{tenth / 10:.1f}", fill=INK, font=font, anchor="ma")
    pen.line([_x(0), GROUND, _x(1), GROUND], fill=INK)
    pen.line([_x(0.7), 40, _x(0.7), GROUND], fill=INK, width=2)
    pen.text((_x(0.7) + 8, 40), "threshold 0.7", fill=INK, font=font)
    pen.text((_x(0.02), 18), title, fill=INK, font=font)
    pen.text((_x(0.02), 40), f"{len(others)} pairs of two people", fill=STRANGERS, font=font)
    pen.text((_x(0.02), 62), f"{len(same)} pairs of one person", fill=SAME, font=font)
    pen.text((_x(0.5), GROUND + 36), "similarity", fill=INK, font=font, anchor="ma")
    return picture


def _x(value: float) -> float:
    return MARGIN + value * (WIDTH - 2 * MARGIN)


def describe(values: Sequence[float] | NDArray[Any]) -> str:
    """Smallest, 5 %, median, 95 % and largest."""
    return " ".join(f"{value:.3f}" for value in np.quantile(values, [0, 0.05, 0.5, 0.95, 1]))


def main() -> None:
    from bench.engine import PHOTOS, set_up_django

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=PHOTOS)
    folder = parser.parse_args().folder
    set_up_django()
    from vision.engines.onnx.engine import OnnxEngine

    engines = {"pair128, the default": OnnxEngine(), "Dlib": OnnxEngine(detector="mmod", recogniser="dlib")}
    picture = Image.new("RGB", (WIDTH, HEIGHT * len(engines)), "white")
    for number, (title, engine) in enumerate(engines.items()):
        same, others = similarities(folder, engine)
        print(f"{title}, one person:", describe(same), f"({len(same)} pairs)")
        print(f"{title}, two people:", describe(others), f"({len(others)} pairs)")
        picture.paste(draw(title, same, others), (0, HEIGHT * number))
    picture.save(PICTURE, optimize=True)
    print(f"Drawn in {PICTURE.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
