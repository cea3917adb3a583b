"""Landmarks inside any detector's box, by dlib's predictors on the full image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vision.engines import weights
from vision.types import Box, Detection, Expression, Image, Landmarks, Point

# Points of the iBUG 300-W numbering: eyes, tip of the nose, corners of the mouth, as an observer sees them.
RIGHT_EYE, LEFT_EYE, NOSE, MOUTH_RIGHT, MOUTH_LEFT = range(36, 42), range(42, 48), 30, 48, 54
INNER_LIPS = (
    60,
    61,
    63,
    64,
    65,
    67,
)  # corner, upper lip twice, corner, lower lip twice, as the points of an eye go round


class LandmarkFinder:
    """dlib's 5-point predictor, and with `full` the 68-point one. Safe for several threads."""

    def __init__(self, *, full: bool = False) -> None:
        import dlib

        self._dlib: Any = dlib
        self._five = dlib.shape_predictor(str(weights.DLIB_5_POINTS.path))
        self._all = dlib.shape_predictor(str(weights.DLIB_68_POINTS.path)) if full else None

    def complete(self, image: Image, detection: Detection) -> Landmarks:
        """The detector's own landmarks; what it lacks of eyes and nose comes from the 5-point predictor."""
        points = detection.landmarks
        if points.left_eye and points.right_eye and points.nose:
            return points
        corners = _points(self._shape(image, detection))
        found = {"left_eye": _middle(corners[0:2]), "right_eye": _middle(corners[2:4]), "nose": _middle(corners[4:5])}
        if points.left_eye and points.right_eye:
            found = {"nose": found["nose"]}
        return replace(points, **found)

    def dlib_chip(self, image: Image, detection: Detection, size: int, padding: float) -> Image:
        """The chip (size, size, 3) that dlib's own recognition model cuts out for itself."""
        chip = self._dlib.get_face_chip(image, self._shape(image, detection), size=size, padding=padding)
        return cast(Image, chip)

    def five_points(self, image: Image, detection: Detection) -> NDArray[np.float32]:
        """(5, 2): right eye, left eye, nose, right and left mouth corner; the detector's own when it gives all five."""
        if (own := detection.landmarks.five_points()) is not None:
            return own
        every = _points(cast(Any, self._all)(image, self._rectangle(detection)))
        eyes = [_middle(every[part.start : part.stop]) for part in (RIGHT_EYE, LEFT_EYE)]
        return np.array([*eyes, *every[[NOSE, MOUTH_RIGHT, MOUTH_LEFT]]], np.float32)

    def corners(self, image: Image, detection: Detection) -> NDArray[np.float32]:
        """(5, 2): dlib's five points in its order, as `vision.alignment.DLIB_POINTS`."""
        return _points(self._shape(image, detection)).astype(np.float32)

    def expression(self, image: Image, detection: Detection) -> Expression:
        """Openness of eyes and mouth, height by width (Soukupova and Cech, CVWW 2016)."""
        every = _points(cast(Any, self._all)(image, self._rectangle(detection)))
        eyes = min(_openness(every[list(part)]) for part in (RIGHT_EYE, LEFT_EYE))
        return Expression(eyes=round(eyes, 3), mouth=round(_openness(every[list(INNER_LIPS)]), 3))

    def _shape(self, image: Image, detection: Detection) -> Any:
        """Points 0 and 1: corners of the person's left eye, 2 and 3: of the right one, 4: below the nose."""
        return self._five(image, self._rectangle(detection))

    def _rectangle(self, detection: Detection) -> Any:
        """dlib's rectangles include their right and bottom edge."""
        box: Box = getattr(detection, "frame", detection.box)
        return self._dlib.rectangle(box.x, box.y, box.x + box.w - 1, box.y + box.h - 1)


def _points(shape: Any) -> NDArray[np.float64]:
    return np.array([(part.x, part.y) for part in shape.parts()], np.float64)


def _openness(points: NDArray[np.float64]) -> float:
    """Mean height of six points around an eye or a mouth, by their width; the first and the fourth are the corners."""
    height = np.linalg.norm(points[1] - points[5]) + np.linalg.norm(points[2] - points[4])
    width = 2 * np.linalg.norm(points[0] - points[3])
    return float(height / width) if width else 0.0


def _middle(points: NDArray[np.float64]) -> Point:
    x, y = points.mean(axis=0)
    return float(x), float(y)
