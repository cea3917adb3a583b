"""Photographs of living and of presented faces as crops, and which of them are held out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from environment import read_regular
from vision import images
from vision.engines import DEFAULT, engines
from vision.engines.liveness import surroundings
from vision.exceptions import InvalidImage
from vision.types import Image

LIVE, FAKE = 1, 0


@dataclass(frozen=True)
class Sample:
    """A crop (80, 80, 3). `group`: what must not be split, such as the frames of one recording."""

    crop: Image
    label: int
    group: str


@dataclass(frozen=True)
class Split:
    """Crops (n, 80, 80, 3) uint8 and labels (n,), to learn from and held out."""

    crops: NDArray[np.uint8]
    labels: NDArray[np.int64]
    held_out: NDArray[np.uint8]
    held_out_labels: NDArray[np.int64]


def files_of(folder: Path) -> list[Path]:
    """The files of a folder and its sub-folders that are not hidden, sorted; nothing outside of it."""
    root = folder.resolve()
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return [path for path in found if path.resolve().is_relative_to(root)]


def read(folder: Path, label: int, files: Iterable[Path]) -> Iterator[Sample | None]:
    """The largest face of each file as the default engine finds it; None if it finds none."""
    engine = engines[DEFAULT]
    for file in files:
        try:
            image = images.decode(read_regular(file))
        except (InvalidImage, OSError):
            yield None
            continue
        found = engine.detect(image)
        box = max((detection.box for detection in found), key=lambda box: box.area, default=None)
        inside = file.relative_to(folder)
        group = inside.parts[0] if len(inside.parts) > 1 else inside.name
        yield Sample(surroundings(image, box), label, f"{label}/{group}") if box else None


def split(samples: Sequence[Sample], *, share: float, seed: int) -> Split:
    """Hold out about `share` of each class, groups whole, at least one group. Raises `ValueError` below two groups."""
    held: set[str] = set()
    for label in (LIVE, FAKE):
        groups = sorted({sample.group for sample in samples if sample.label == label})
        if len(groups) < 2:
            raise ValueError("Two faces of each class are needed, from different recordings.")
        random.Random(seed).shuffle(groups)  # noqa: S311  a repeatable choice, no secret
        held |= set(groups[: min(max(1, round(share * len(groups))), len(groups) - 1)])
    learned = [sample for sample in samples if sample.group not in held]
    kept = [sample for sample in samples if sample.group in held]
    return Split(*_arrays(learned), *_arrays(kept))


def _arrays(samples: Sequence[Sample]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return np.stack([sample.crop for sample in samples]), np.array([sample.label for sample in samples])
