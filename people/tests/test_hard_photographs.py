"""Real weights on turned, blurred, posterised, covered and tiny faces: nobody is taken for another person."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calibration.services import default_operating_point
from calibration.types import Decision, OperatingPoint
from people.tests.hard_photographs import CHANGES, TURNS, cut_portraits, turned
from vision.distances import distance
from vision.engines.onnx.engine import OnnxEngine
from vision.tests.shared_weights import put_in_place
from vision.types import LEAST_RECOGNISABLE

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def native() -> OnnxEngine:
    engine = OnnxEngine()
    put_in_place(engine.files())
    engine.load()
    return engine


@pytest.fixture(scope="module")
def portraits(native: OnnxEngine, faces: Path) -> dict[str, Image.Image]:
    return cut_portraits(native, faces)


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


@pytest.mark.parametrize("degrees", [45, 135, 225, 315])
def test_strangers_in_a_row_that_no_quarter_turn_puts_upright_never_match(
    native: OnnxEngine, portraits: dict[str, Image.Image], real_faces: Path, degrees: int
) -> None:
    row = np.concatenate([np.asarray(turned(degrees)(portrait)) for portrait in portraits.values()], axis=1)
    vectors, shares = native.describe(native.face_chips(row, native.detect(row)))
    assert len(shares) >= 4
    known = [vector for vector, share in zip(vectors, shares, strict=True) if (share or 0.0) >= LEAST_RECOGNISABLE]
    point = default_operating_point(space=native.space)
    assert not [pair for pair in combinations(known, 2) if matches(point, *pair)]


@pytest.mark.parametrize("change", TURNS)
def test_a_person_is_found_whichever_way_the_photograph_lies(
    native: OnnxEngine, portraits: dict[str, Image.Image], real_faces: Path, change: str
) -> None:
    point = default_operating_point(space=native.space)
    for portrait in portraits.values():
        upright, on_its_side = describe(native, portrait), describe(native, CHANGES[change](portrait))
        assert upright is not None and on_its_side is not None and matches(point, upright, on_its_side)


def matches(point: OperatingPoint, one: np.ndarray, other: np.ndarray) -> bool:
    return point.decide(distance(one, other, metric=point.metric)) is Decision.MATCH
