"""Loads every enabled engine, describes one photograph with it and prints how long each step takes."""

from __future__ import annotations

import io
import time
from argparse import ArgumentParser
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from PIL import Image as PillowImage
from PIL import ImageDraw

from environment import read_regular
from errors import FaceAppError
from vision import images
from vision.engines import engines
from vision.types import Image

T = TypeVar("T")
HEADER = ("engine", "space", "load ms", "faces", "detect ms", "embed ms", "liveness ms")


class Command(BaseCommand):
    help = "Loads every enabled engine, describes one photograph with it and prints how long each step takes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("photo", nargs="?", type=Path, help="an image file (default: a sample picture)")

    def handle(self, *, photo: Path | None, **_: Any) -> None:
        try:
            image = images.decode(read_regular(photo) if photo else test_picture())
            rows = [HEADER, *(measure(alias, image) for alias in engines.aliases())]
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"The photograph cannot be read: {error.strerror}.") from error
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
        for row in rows:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def measure(alias: str, image: Image) -> tuple[str, ...]:
    """One row of the table. Detection runs twice: the first call also warms caches."""
    engine = engines[alias]
    _, load = timed(engine.load)
    engine.embed(image, engine.detect(image))
    found, detect = timed(lambda: engine.detect(image))
    _, embed = timed(lambda: engine.embed(image, found))
    scores, liveness = timed(lambda: engine.liveness(image, found))
    live = "no weights" if None in scores else liveness
    return alias, engine.space.name, load, str(len(found)), detect, embed, live


def timed(call: Callable[[], T]) -> tuple[T, str]:
    """The result and the milliseconds it took."""
    started = time.perf_counter()
    result = call()
    return result, f"{(time.perf_counter() - started) * 1000:.0f}"


def test_picture() -> bytes:
    """The portrait that comes with scikit-image, if that is installed, else an ellipse without a face."""
    spec = find_spec("skimage")
    if spec and spec.origin and (portrait := Path(spec.origin).parent / "data" / "astronaut.png").is_file():
        return portrait.read_bytes()
    picture = PillowImage.new("RGB", (640, 480), "grey")
    ImageDraw.Draw(picture).ellipse((240, 120, 400, 340), fill="beige")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
