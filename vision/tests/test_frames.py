"""Copies of a still and other pictures, told apart by fingerprints."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vision.frames import SAME_STILL, difference, fingerprint, repeats


def chip(seed: int, *, side: int = 120) -> np.ndarray:
    """A soft random pattern."""
    coarse = np.random.default_rng(seed).integers(0, 255, (7, 7), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).convert("RGB"))


COPIES = {
    "smaller": chip(1, side=70),
    "brighter": np.clip(chip(1) * 0.8 + 40, 0, 255).astype(np.uint8),
    "noisy": np.clip(chip(1) + np.random.default_rng(9).normal(0, 5, (120, 120, 1)), 0, 255).astype(np.uint8),
    "shifted": chip(1)[2:-1, 1:-2],
    "turned": np.asarray(Image.fromarray(chip(1)).rotate(2, Image.Resampling.BICUBIC))[4:-4, 4:-4],
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_a_still_are_the_same_still(name: str) -> None:
    assert difference(fingerprint(chip(1)), fingerprint(COPIES[name])) < SAME_STILL


def test_other_pictures_are_not() -> None:
    prints = [fingerprint(chip(seed)) for seed in range(1, 9)]
    assert min(difference(prints[0], other) for other in prints[1:]) > 3 * SAME_STILL


def test_a_local_change_makes_another_still() -> None:
    changed = chip(1).copy()
    changed[40:80, 40:80] = np.roll(changed, 12, axis=1)[40:80, 40:80]
    assert difference(fingerprint(chip(1)), fingerprint(changed)) > SAME_STILL


def test_repetitions_are_those_of_earlier_frames() -> None:
    prints = [fingerprint(chip(seed)) for seed in (1, 2, 1, 3, 2)]
    assert repeats([b"", *prints, b""]) == [False, False, False, True, False, True, False]
    assert repeats([]) == []


def test_what_shows_nothing_has_no_fingerprint() -> None:
    assert fingerprint(np.full((50, 50, 3), 90, np.uint8)) == b""
    assert fingerprint(np.zeros((0, 10, 3), np.uint8)) == b""
    assert len(fingerprint(chip(1))) == 576
