"""Real weights on turned, blurred, posterised, covered and tiny faces: nobody is taken for another person."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from bench.engine import load
from calibration.services import default_operating_point
from calibration.types import Decision, OperatingPoint
from vision.distances import distance
from vision.engines.onnx.engine import OnnxEngine
from vision.tests.shared_weights import put_in_place
from vision.types import LEAST_RECOGNISABLE

pytestmark = pytest.mark.models

STRANGERS = ("obama_2.jpg", "biden_2.jpg", "alex_1.jpg", "lin_1.png", "rose_2.jpg", "kit_1.jpg")
Change = Callable[[Image.Image], Image.Image]


def turned(degrees: int) -> Change:
    return lambda face: face.rotate(degrees, expand=True, fillcolor=(127, 127, 127))


def blurred(pixels: int) -> Change:
    return lambda face: face.filter(ImageFilter.GaussianBlur(pixels))


def covered(left: float, top: float, right: float, bottom: float) -> Change:
    def change(face: Image.Image) -> Image.Image:
        hidden = face.copy()
        width, height = face.size
        ImageDraw.Draw(hidden).rectangle(
            (left * width, top * height, right * width, bottom * height), fill=(120, 120, 120)
        )
        return hidden

    return change


def tiny(pixels: int) -> Change:
    """A face of so many pixels, enlarged again."""
    return lambda face: face.resize((2 * pixels, 2 * pixels), Image.Resampling.LANCZOS).resize(face.size)


CHANGES: dict[str, Change] = {
    "upright": lambda face: face,
    **{f"turned {angle}": turned(angle) for angle in (45, 60, 75, 90, 135, 180, 270)},
    **{f"blurred {pixels}": blurred(pixels) for pixels in (4, 6, 8, 10, 14)},
    "posterised": lambda face: ImageOps.posterize(face, 1),
    "lower half": covered(0, 0.5, 1, 1),
    "upper half": covered(0, 0, 1, 0.5),
    "left half": covered(0, 0, 0.5, 1),
    "right half": covered(0.5, 0, 1, 1),
    **{f"tiny {pixels}": tiny(pixels) for pixels in (8, 10, 12, 16, 24)},
}


@pytest.fixture(scope="module")
def native() -> OnnxEngine:
    engine = OnnxEngine()
    put_in_place(engine.files())
    engine.load()
    return engine


@pytest.fixture(scope="module")
def portraits(native: OnnxEngine, faces: Path) -> dict[str, Image.Image]:
    """The largest face of each photograph with its surroundings, 400 pixels wide."""
    found = {}
    for name in STRANGERS:
        photograph = load(faces / name)
        box = max((face.box for face in native.detect(photograph)), key=lambda box: box.area)
        reach, x, y = max(box.w, box.h), box.x + box.w // 2, box.y + box.h // 2
        around = (x - reach, y - reach, x + reach, y + reach)
        found[name] = Image.fromarray(photograph).crop(around).resize((400, 400))
    return found


def describe(native: OnnxEngine, picture: Image.Image) -> np.ndarray | None:
    """The embedding of the largest face, unless there is none or it cannot be recognised."""
    image = np.asarray(picture)
    found = sorted(native.detect(image), key=lambda face: face.box.area)[-1:]
    vectors, shares = native.describe(native.face_chips(image, found))
    return vectors[0] if found and (shares[0] or 0.0) >= LEAST_RECOGNISABLE else None


@pytest.mark.parametrize("change", CHANGES)
def test_strangers_never_match(
    native: OnnxEngine, portraits: dict[str, Image.Image], real_faces: Path, change: str
) -> None:
    point = default_operating_point(space=native.space)
    seen = {name: describe(native, CHANGES[change](portrait)) for name, portrait in portraits.items()}
    known = {name: vector for name, vector in seen.items() if vector is not None}
    pairs = combinations(known, 2)
    wrong = [pair for pair in pairs if matches(point, *(known[name] for name in pair))]
    assert not wrong


@pytest.mark.parametrize("change", ["turned 90", "turned 180", "turned 270"])
def test_a_person_is_found_whichever_way_the_photograph_lies(
    native: OnnxEngine, portraits: dict[str, Image.Image], real_faces: Path, change: str
) -> None:
    point = default_operating_point(space=native.space)
    for portrait in portraits.values():
        upright, on_its_side = describe(native, portrait), describe(native, CHANGES[change](portrait))
        assert upright is not None and on_its_side is not None and matches(point, upright, on_its_side)


def matches(point: OperatingPoint, one: np.ndarray, other: np.ndarray) -> bool:
    return point.decide(distance(one, other, metric=point.metric)) is Decision.MATCH
