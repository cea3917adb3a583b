"""dlib's HOG detector of frontal faces."""

from __future__ import annotations

from collections.abc import Callable

from vision.types import Box, Image, ScoredBox


def load() -> Callable[[Image, int], list[ScoredBox]]:
    """A function of an image, grey or RGB, and of how often it is doubled first. Two threads must not share it."""
    import dlib

    hog = dlib.get_frontal_face_detector()

    def detect(image: Image, upsample: int) -> list[ScoredBox]:
        rectangles, scores, _ = hog.run(image, upsample)
        return [
            ScoredBox(Box.from_edges(r.left(), r.top(), r.right(), r.bottom()), float(score))
            for r, score in zip(rectangles, scores, strict=True)
        ]

    return detect
