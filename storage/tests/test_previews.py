"""Small renderings for people: upright, cut to the face, whatever the format."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from storage.previews import preview, rendering
from vision.exceptions import InvalidImage
from vision.types import Box

RED, BLUE = (220, 20, 20), (30, 40, 220)


def encoded(kind: str, orientation: int = 1, size: tuple[int, int] = (1200, 800)) -> bytes:
    """Blue with a red square at (900, 100) of 200 pixels."""
    picture = Image.new("RGB", size, BLUE)
    ImageDraw.Draw(picture).rectangle((900, 100, 1100, 300), fill=RED)
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = BytesIO()
    picture.save(out, kind, exif=exif)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    assert picture.format == "JPEG"
    return picture


def is_red(picture: Image.Image, x: float, y: float) -> bool:
    pixel = picture.getpixel((x * picture.width, y * picture.height))
    assert isinstance(pixel, tuple)
    return pixel[0] > 150 and pixel[2] < 100


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_a_preview_is_a_small_jpeg_of_the_whole_picture(kind: str) -> None:
    picture = opened(preview(encoded(kind), side=150))
    assert picture.size == (150, 100)
    assert is_red(picture, 1000 / 1200, 200 / 800)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_face_is_cut_out_with_its_surroundings(kind: str) -> None:
    picture = opened(preview(encoded(kind), side=120, box=Box(900, 100, 200, 200)))
    assert picture.size == (120, 120)
    assert [is_red(picture, x, 0.5) for x in (0.1, 0.3, 0.7, 0.9)] == [False, True, True, False]


@pytest.mark.parametrize("side", [40, 240])
def test_a_face_is_found_in_a_picture_that_its_camera_stored_sideways(side: int) -> None:
    """Orientation 6: turned by a quarter to the right, (x, y) comes to (800 - y, x)."""
    picture = opened(preview(encoded("JPEG", 6), side=side, box=Box(500, 900, 200, 200)))
    assert [is_red(picture, x, 0.5) for x in (0.1, 0.3, 0.7, 0.9)] == [False, True, True, False]
    assert opened(preview(encoded("JPEG", 6), side=150)).size == (100, 150)


@pytest.mark.parametrize(("side", "size"), [(200, (133, 200)), (5000, (800, 1200))])
def test_boxes_are_drawn_on_a_rendering_by_its_scale(side: int, size: tuple[int, int]) -> None:
    made = rendering(encoded("JPEG", 6), side=side)
    picture, box = opened(made.jpeg), Box(500, 900, 200, 200).scaled(made.scale)
    assert picture.size == (made.width, made.height) == size
    assert is_red(picture, (box.x + box.w / 2) / picture.width, (box.y + box.h / 2) / picture.height)
    assert not is_red(picture, (box.x - box.w / 4) / picture.width, (box.y + box.h / 2) / picture.height)


def test_a_box_beyond_the_edge_is_cut_at_the_edge() -> None:
    assert opened(preview(encoded("PNG"), side=100, box=Box(1150, -30, 200, 200))).size[0] <= 100


def test_a_damaged_file_is_refused() -> None:
    with pytest.raises(InvalidImage) as refused:
        preview(encoded("PNG")[:-500], side=100)
    assert refused.value.code == "image.truncated"
