"""Frames of a head that turns, made of one photograph: the middle of the face is moved against the eyes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vision.types import Landmarks

SIDE = 480  # longest side of a frame, pixels
AMOUNTS = {"turn_left": 0.58, "turn_right": -0.58, "centre": 0.0}  # of `across`, to reach a clear turn


def small(file: Path) -> np.ndarray:
    """The photograph, reduced."""
    picture = Image.open(file).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


def encoded(image: np.ndarray, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, kind, quality=92)
    return out.getvalue()


def turned(image: np.ndarray, points: Landmarks, *, across: float, down: float = 0.0, seed: int = 0) -> np.ndarray:
    """The nose moved by shares of the eyes' distance, its surroundings less, the eyes hardly; with a camera's noise."""
    import cv2

    left, right, nose = (np.array(point) for point in (points.left_eye, points.right_eye, points.nose))
    eyes = float(np.linalg.norm(left - right))
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    depth = np.exp(-((x - nose[0]) ** 2) / (2 * (0.45 * eyes) ** 2) - (y - nose[1]) ** 2 / (2 * (0.6 * eyes) ** 2))
    source_x, source_y = (x - across * eyes * depth), (y - down * eyes * depth)
    moved = cv2.remap(image, source_x.astype(np.float32), source_y.astype(np.float32), cv2.INTER_LINEAR)
    noise = np.random.default_rng(seed).normal(0, 2, image.shape)
    return np.clip(moved + noise, 0, 255).astype(np.uint8)


def performance(image: np.ndarray, points: Landmarks, actions: Sequence[str], *, seed: int = 0) -> list[bytes]:
    """A look ahead, then the actions one after the other, no two frames the same still."""
    frames = []
    for number, action in enumerate(["centre", *actions]):
        across = AMOUNTS[action] * (1 - 0.03 * number) + 0.06 * (-1) ** number * (action == "centre")
        down = (0.0, 0.14, -0.14, 0.07, -0.07)[number % 5]
        frames.append(encoded(turned(image, points, across=across, down=down, seed=seed + number)))
    return frames
