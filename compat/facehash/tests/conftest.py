"""The running service as a page of a beginner sees it: P is Obama, Q Alex Lacamoire, R Rose Leslie."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from compat.facehash.tests.wire import Page
from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import faceless, jpeg, side_by_side

TRAINING = {"P": ["obama_1.jpg", "obama_2.jpg", "obama_240p.jpg"], "Q": ["alex_1.jpg", "alex_3.png"]}
PROBES = {"Px": "obama_3.jpg", "Qx": "alex_2.jpg", "R": "rose_2.jpg", "R1": "rose_1.jpg", "B": "biden_2.jpg"}
MAKE_KEYS = """
from clients.services import create_api_key
import uuid
for _ in range(40):
    print(create_api_key(client_name="fh-" + uuid.uuid4().hex)[1])
"""


def small(file: Path, *, side: int = 420) -> Image.Image:
    """The photograph, no longer than a webcam's picture: detection takes a fraction of the time."""
    with Image.open(file) as picture:
        picture = picture.convert("RGB")
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        return picture


def frames(pictures: list[Image.Image], count: int) -> list[bytes]:
    """So many different frames of a person, as a webcam takes them in changing light."""
    made = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        made.append(jpeg(ImageEnhance.Brightness(picture).enhance(0.8 + 0.04 * number)))
    return made


@pytest.fixture(scope="session")
def facehash_keys(live: LiveStack) -> Iterator[str]:
    """Keys of unused clients."""
    return iter(live.manage("shell", "--no-imports", "-c", MAKE_KEYS).stdout.split())


@pytest.fixture
def new_page(live: LiveStack, facehash_keys: Iterator[str]) -> Callable[[], Page]:
    return lambda: Page(live.url, next(facehash_keys))


@pytest.fixture
def page(new_page: Callable[[], Page]) -> Page:
    return new_page()


@pytest.fixture(scope="session")
def k1(live: LiveStack, facehash_keys: Iterator[str], photos: dict[str, bytes], p12: list[bytes]) -> Page:
    """A key that knows paul; for tests that change nothing."""
    page = Page(live.url, next(facehash_keys))
    assert page.train("paul", *p12[:2])["trainingSuccess"] == 1
    return page


@pytest.fixture(scope="session")
def photos(faces: Path) -> dict[str, bytes]:
    """Px, Qx, R and R1, B (Biden), M (three people), N (nobody)."""
    read = {name: jpeg(small(faces / file)) for name, file in PROBES.items()}
    several = side_by_side(*(faces / name for name in ("rose_1.jpg", "obama_3.jpg", "biden_2.jpg")), height=300)
    return read | {"M": several, "N": faceless()}


@pytest.fixture(scope="session")
def p12(faces: Path) -> list[bytes]:
    """P1 to P12, none of them Px."""
    return frames([small(faces / file) for file in TRAINING["P"]], 12)


@pytest.fixture(scope="session")
def q12(faces: Path) -> list[bytes]:
    return frames([small(faces / file) for file in TRAINING["Q"]], 12)


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))
