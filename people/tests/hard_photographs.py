"""Portraits of six strangers, and what is done to them: they are turned, blurred, posterised, covered or tiny."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from bench.engine import load
from vision.engines.onnx.engine import OnnxEngine

STRANGERS = ("obama_2.jpg", "biden_2.jpg", "alex_1.jpg", "lin_1.png", "rose_2.jpg", "kit_1.jpg")
SIDE = 400  # pixels
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
TURNS = ("turned 90", "turned 180", "turned 270")


def cut_portraits(engine: OnnxEngine, folder: Path) -> dict[str, Image.Image]:
    """The largest face of each photograph with its surroundings, `SIDE` pixels wide, by the name of the file."""
    found = {}
    for name in STRANGERS:
        photograph = load(folder / name)
        box = max((face.box for face in engine.detect(photograph)), key=lambda box: box.area)
        reach, x, y = max(box.w, box.h), box.x + box.w // 2, box.y + box.h // 2
        around = (x - reach, y - reach, x + reach, y + reach)
        found[name] = Image.fromarray(photograph).crop(around).resize((SIDE, SIDE))
    return found
