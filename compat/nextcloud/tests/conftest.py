"""The running service as a Nextcloud server sees it: one key for each model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from compat.nextcloud.tests.pictures import at_area, encode
from compat.nextcloud.tests.wire import App
from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import faceless, side_by_side

PORTRAITS = {"F1": "obama_1.jpg", "F2": "obama_3.jpg", "G": "rose_2.jpg"}
SMALL = 307_200  # pixels; the app's least analysis area
MAKE_KEYS = """
from clients.services import create_api_key
from compat.nextcloud.models import KeyModel
for model in (1, 2, 3, 4):
    row, key = create_api_key(client_name=f"nextcloud-{model}", scopes=["nextcloud"])
    KeyModel.objects.create(api_key=row, model=model)
    print(key)
"""


@pytest.fixture(scope="session")
def keys(live: LiveStack) -> dict[int, str]:
    """A key by the number of its model."""
    lines = live.manage("shell", "--no-imports", "-c", MAKE_KEYS).stdout.split()
    return dict(zip((1, 2, 3, 4), lines, strict=True))


@pytest.fixture
def app_of(live: LiveStack, keys: dict[int, str]) -> Callable[[int], App]:
    return lambda model: App(f"127.0.0.1:{live.port}", keys[model])


@pytest.fixture
def app(app_of: Callable[[int], App]) -> App:
    """With model 3, which is quick."""
    return app_of(3)


@pytest.fixture(scope="session")
def portraits(faces: Path) -> dict[str, Image.Image]:
    return {name: Image.open(faces / file).convert("RGB") for name, file in PORTRAITS.items()}


@pytest.fixture(scope="session")
def photos(faces: Path, portraits: dict[str, Image.Image]) -> dict[str, bytes]:
    """F1 and F2 show one person, G another, M three people, N nobody; JPEG files of the app's least area."""
    encoded = {name: encode(at_area(picture, SMALL)) for name, picture in portraits.items()}
    three = side_by_side(*(faces / name for name in ("alex_1.jpg", "biden_2.jpg", "obama_2.jpg")), height=400)
    return encoded | {"M": three, "N": faceless()}
