"""Photographs on their side or upside down: images and faces turned by multiples of 90 degrees."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from vision.types import Box, Detection, Image, Landmarks, Point


def turned_image(image: Image, turn: int) -> Image:
    """The image turned clockwise by `turn` degrees: 0, 90, 180 or 270."""
    return cast(Image, np.ascontiguousarray(np.rot90(image, -turn // 90))) if turn else image


def turned_face(face: Detection, *, size: tuple[int, int], turn: int) -> Detection:
    """A face of an image of this (width, height) in pixels of that image turned clockwise by `turn` degrees."""
    width, height = size

    def point(x: float, y: float) -> Point:
        return {0: (x, y), 90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[turn]

    (x1, y1), (x2, y2) = point(face.box.x, face.box.y), point(face.box.x + face.box.w, face.box.y + face.box.h)
    left, top, right, bottom = round(min(x1, x2)), round(min(y1, y2)), round(max(x1, x2)), round(max(y1, y2))
    landmarks = Landmarks(**{name: place and point(*place) for name, place in vars(face.landmarks).items()})
    return replace(face, box=Box(left, top, right - left, bottom - top), landmarks=landmarks)
