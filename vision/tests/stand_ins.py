"""Photographs under the file names of `../shared/faces`, made from those that come inside installed packages.

A second photograph of a person is a changed copy of the first: mirrored, turned, brighter or darker, larger or smaller.
That is enough where a test needs a face or a person, and never where it judges how well people are told apart.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

from demo.photographs import packaged_path

ASTRONAUT = "skimage/data/astronaut.png"
GROUP, SMALL = "insightface/data/images/t1.jpg", "insightface/data/images/Tom_Hanks_54745.png"
# one person each: a photograph in a package, the part of it (left, top, right, bottom) that shows nobody else, and the
# degrees by which it is turned around the middle of that part to show the head upright
SOURCES = {
    "obama": (ASTRONAUT, (63, 24, 363, 399), 0),
    "alex": (GROUP, (414, 230, 620, 470), 15),
    "biden": (GROUP, (692, 300, 902, 560), 7),
    "rose": (GROUP, (8, 230, 218, 450), -25),
    "kit": (GROUP, (1067, 220, 1277, 480), 0),
    "lin": (SMALL, (0, 0, 112, 112), 0),
    "bystander": (GROUP, (850, 10, 1060, 270), 0),
}
BACKGROUND = (104, 112, 120)


@dataclass(frozen=True)
class Copy:
    """A picture of `size` with the people in a row, each portrait `share` of its height."""

    size: tuple[int, int]
    people: tuple[str, ...]
    share: float = 1.0
    mirrored: bool = False
    degrees: float = 0.0
    brightness: float = 1.0
    visible: float = 1.0  # part of the picture's width, from the left, that is kept


COPIES = {
    "alex_1.jpg": Copy((874, 1200), ("alex",)),
    "alex_2.jpg": Copy((1548, 1024), ("alex",), degrees=4, brightness=1.1),
    "alex_3.png": Copy((424, 394), ("alex",), mirrored=True),
    "biden_1.jpg": Copy((970, 2204), ("biden",), share=0.4, mirrored=True),
    "biden_2.jpg": Copy((1200, 1200), ("biden",)),
    "kit_1.jpg": Copy((768, 1154), ("kit",)),
    "kit_and_rose.jpg": Copy((501, 700), ("kit", "rose"), share=0.45),
    "lin_1.png": Copy((704, 612), ("lin",), share=0.7),
    "obama_1.jpg": Copy((910, 1137), ("obama",)),
    "obama_1080p.jpg": Copy((1920, 1080), ("obama",)),
    "obama_2.jpg": Copy((626, 782), ("obama",), mirrored=True),
    "obama_2_rgba.png": Copy((626, 782), ("obama",), mirrored=True),
    "obama_240p.jpg": Copy((427, 240), ("obama",)),
    "obama_3.jpg": Copy((1480, 832), ("obama",), degrees=2, brightness=0.9),
    "obama_4.jpg": Copy((1434, 2333), ("obama",), share=0.4, brightness=1.15),
    "obama_and_biden.jpg": Copy((2000, 1428), ("biden", "obama", "bystander"), share=0.5),
    "obama_and_biden_2.jpg": Copy((1126, 661), ("obama", "biden"), share=0.9),
    "obama_partial.jpg": Copy((910, 1137), ("obama",), visible=0.6),
    "rose_1.jpg": Copy((1280, 799), ("rose",), mirrored=True, brightness=1.1),
    "rose_2.jpg": Copy((577, 880), ("rose",)),
}


def make(folder: Path) -> Path:
    """Fill `folder` and return it. Raises `demo.photographs.PhotographsMissingError` without the packages."""
    for name, copy in COPIES.items():
        picture = _drawn(copy)
        picture.convert("RGBA" if name.endswith("png") else "RGB").save(folder / name, quality=90)
    return folder


def _drawn(copy: Copy) -> Image.Image:
    width, height = copy.size
    canvas = Image.new("RGB", copy.size, BACKGROUND)
    for place, person in enumerate(copy.people):
        box = (width // len(copy.people), round(height * copy.share))
        portrait = ImageOps.contain(_portrait(person), box, Image.Resampling.LANCZOS)
        centre = round((place + 0.5) * width / len(copy.people))
        canvas.paste(portrait, (centre - portrait.width // 2, (height - portrait.height) // 2))
    if copy.mirrored:
        canvas = ImageOps.mirror(canvas)
    canvas = canvas.rotate(copy.degrees, Image.Resampling.BICUBIC, fillcolor=BACKGROUND)
    canvas = ImageEnhance.Brightness(canvas).enhance(copy.brightness)
    return canvas.crop((0, 0, round(width * copy.visible), height))


def _portrait(person: str) -> Image.Image:
    file, (left, top, right, bottom), degrees = SOURCES[person]
    with Image.open(packaged_path(file)) as picture:
        upright = picture.convert("RGB").rotate(
            degrees, Image.Resampling.BICUBIC, center=((left + right) / 2, (top + bottom) / 2)
        )
    return upright.crop((left, top, right, bottom))
