"""Large JPEG files are decoded at a fraction of their size; what is answered is in pixels of the photograph."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from pytest_django.fixtures import Settings

from vision import images
from vision.exceptions import InvalidImage
from vision.images import decode, decode_at_least
from vision.inference import AnalysisOptions, run_engines
from vision.tests.drawing import BLUE, RED
from vision.types import Analysis, Box

GREY = (128, 128, 128)
SIZE = (2601, 1947)
LARGE, OTHER, SMALL = Box(300, 400, 380, 400), Box(1300, 800, 420, 420), Box(2300, 150, 120, 120)


def photograph(*squares: tuple[Box, Any], size: tuple[int, int] = SIZE, kind: str = "JPEG", **options: Any) -> bytes:
    picture = Pillow.new("RGB", size, GREY)
    for box, colour in squares:
        picture.paste(colour, (box.x, box.y, box.x + box.w, box.y + box.h))
    buffer = BytesIO()
    picture.save(buffer, kind, **({"quality": 95} | options))
    return buffer.getvalue()


@pytest.fixture
def decoded_whole(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of images that were decoded whole after all."""
    shapes: list[tuple[int, ...]] = []
    real: Callable[..., Any] = images.decode

    def record(data: bytes, **options: Any) -> Any:
        image = real(data, **options)
        shapes.append(image.shape)
        return image

    monkeypatch.setattr(images, "decode", record)
    return shapes


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(("side", "width"), [(1280, 1301), (1300, 1301), (1301, 2601), (600, 651), (5000, 2601)])
def test_a_jpeg_keeps_as_many_pixels_as_are_asked_for(progressive: bool, side: int, width: int) -> None:
    image, size = decode_at_least(photograph((LARGE, RED), progressive=progressive), side=side)
    assert (image.shape[1], size) == (width, SIZE)
    assert max(image.shape) >= min(side, max(SIZE))
    assert image.dtype == np.uint8 and image.shape[2] == 3


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_formats_that_cannot_be_reduced_are_decoded_whole(kind: str) -> None:
    image, size = decode_at_least(photograph((LARGE, RED), size=(3000, 100), kind=kind), side=640)
    assert (image.shape, size) == ((100, 3000, 3), (3000, 100))


def test_a_photograph_on_its_side_has_the_size_that_it_is_shown_with() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    data = photograph((LARGE, RED), exif=exif)
    image, size = decode_at_least(data, side=1280)
    assert (image.shape[:2], size) == ((1301, 974), SIZE[::-1])
    [face] = run_engines(data, AnalysisOptions()).faces
    assert face.box.overlap(Box(SIZE[1] - LARGE.y - LARGE.h, LARGE.x, LARGE.h, LARGE.w)) > 0.97


@pytest.mark.parametrize("size", [(20_000, 1), (1, 20_000), (30_000, 20)])
def test_a_strip_is_reduced_to_at_least_a_pixel(size: tuple[int, int]) -> None:
    data = photograph(size=size)
    image, whole = decode_at_least(data, side=1280)
    assert min(image.shape) >= 1 and whole == size
    assert run_engines(data, AnalysisOptions()) == Analysis([], *size, pytest.approx(0, abs=60_000))


def test_an_unfinished_file_is_refused() -> None:
    data = photograph((LARGE, RED), (OTHER, BLUE))
    with pytest.raises(InvalidImage) as caught:
        decode_at_least(data[: len(data) * 2 // 3], side=1280)
    assert caught.value.code == "image.truncated"


@pytest.mark.parametrize("progressive", [False, True])
def test_the_limit_counts_the_pixels_of_the_photograph(progressive: bool, settings: Settings) -> None:
    settings.MAX_IMAGE_PIXELS = SIZE[0] * SIZE[1] - 1
    with pytest.raises(InvalidImage) as caught:
        decode_at_least(photograph(progressive=progressive), side=1280)
    assert caught.value.code == "image.too_many_pixels"


@pytest.mark.parametrize("progressive", [False, True])
def test_faces_are_answered_in_pixels_of_the_photograph(
    progressive: bool, decoded_whole: list[tuple[int, ...]]
) -> None:
    data = photograph((LARGE, RED), (OTHER, BLUE), progressive=progressive)
    analysis = run_engines(data, AnalysisOptions(liveness=True, frame=True))
    assert (analysis.width, analysis.height) == SIZE
    assert decoded_whole == []
    for face, box in zip(analysis.faces, (LARGE, OTHER), strict=True):
        assert face.box.overlap(box) > 0.98
        assert face.quality is not None and face.quality.size == pytest.approx(min(box.w, box.h), abs=3)
        assert face.landmarks.left_eye == pytest.approx((box.x + 0.7 * box.w, box.y + 0.35 * box.h), abs=4)
        assert face.frame is not None


@pytest.mark.parametrize(
    "squares", [[(LARGE, RED), (SMALL, BLUE)], [(Box(2300, 150, 12, 12), BLUE)], []], ids=["small", "tiny", "none"]
)
def test_a_small_face_or_none_is_sought_in_the_whole_photograph(
    squares: list[tuple[Box, Any]], decoded_whole: list[tuple[int, ...]]
) -> None:
    data = photograph(*squares)
    analysis = run_engines(data, AnalysisOptions())
    assert decoded_whole == [(*SIZE[::-1], 3)]
    assert (analysis.width, analysis.height) == SIZE
    assert [face.box.overlap(box) > 0.9 for face, (box, _) in zip(analysis.faces, squares, strict=True)] == [
        True for _ in squares
    ]


def test_a_reduced_photograph_shows_the_same_person(decoded_whole: list[tuple[int, ...]]) -> None:
    data = photograph((LARGE, RED))
    whole = decode(data)
    [face] = run_engines(data, AnalysisOptions()).faces
    [vector] = face.embeddings.values()
    middle = whole[LARGE.y + LARGE.h // 2, LARGE.x + LARGE.w // 2]
    np.testing.assert_allclose(vector[:3], middle / 255, atol=0.02)
    assert decoded_whole == []
