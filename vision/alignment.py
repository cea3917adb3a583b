"""Cuts a face out of the full image the way a recognition model saw faces in its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vision.types import Box, Image, Landmarks

# Where right eye, left eye, nose tip and mouth corners lie in a 112 x 112 chip: the reference points that ArcFace,
# SFace, GhostFaceNet and the Buffalo models were trained with (insightface, utils/face_align.py `arcface_dst`).
ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
ARCFACE_SIZE = (112, 112)
# Where dlib's five points lie in such a chip (outer and inner corner of the left eye, the same of the right eye, below
# the nose), and where the points above lie in the 150-pixel chip that dlib cuts out; means over photographs of LFW.
DLIB_POINTS = np.array([[81.46, 53.29], [66.74, 53.71], [30.87, 52.80], [45.29, 53.60], [55.43, 81.79]], np.float32)
DLIB_CHIP_POINTS = np.array([[46.3, 44.8], [102.7, 45.4], [73.6, 77.5], [50.8, 102.3], [98.9, 102.4]], np.float32)


def similarity(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """The 2 x 3 matrix of rotation, uniform scale and shift that takes `source` points (n, 2) closest to `target`.

    Least squares without reflection (Umeyama, IEEE TPAMI 13(4), 1991). Coincident points give a zero scale.
    """
    mean_source, mean_target = source.mean(axis=0), target.mean(axis=0)
    a, b = source - mean_source, target - mean_target
    u, singular, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, float(np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0)])
    spread = float((a**2).sum())
    scale = float((singular * sign).sum()) / spread if spread else 0.0
    rotation = scale * (u * sign) @ vt
    return np.column_stack([rotation, mean_target - rotation @ mean_source]).astype(np.float64)


def templates(
    size: tuple[int, int], points: Sequence[Sequence[float]] = ()
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where the five points, and those of dlib, lie in a chip of this size: at `points`, or where ArcFace's do."""
    if points:
        target = np.array(points, np.float32)
    elif size == ARCFACE_SIZE:
        return ARCFACE_POINTS, DLIB_POINTS
    else:
        target = ARCFACE_POINTS * np.float32(size[0] / ARCFACE_SIZE[0])
    matrix = similarity(ARCFACE_POINTS, target)
    return target, (DLIB_POINTS @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def five_point_chip(
    image: Image,
    points: NDArray[np.float32],
    size: tuple[int, int] = (112, 112),
    template: NDArray[np.float32] = ARCFACE_POINTS,
) -> Image:
    """The chip (height, width, 3) whose five points lie on `template`; parts outside the image are black.

    `points`: (5, 2), those of `template`: right eye, left eye, nose, right and left corner of the mouth.
    """
    import cv2

    return cast(Image, cv2.warpAffine(image, similarity(points, template), size, flags=cv2.INTER_LINEAR))


def eye_levelled_chip(
    image: Image, box: Box, landmarks: Landmarks, size: tuple[int, int], margin: float = 0.0
) -> Image:
    """The box and `margin` around it (share of its longer side), turned so that the eyes are level, scaled to `size`.

    Parts outside the image repeat its border.
    """
    import cv2

    scale = min(size) / (max(box.w, box.h, 1) * (1 + 2 * margin))
    centre = (box.x + box.w / 2, box.y + box.h / 2)
    matrix = cv2.getRotationMatrix2D(centre, landmarks.roll or 0.0, scale)
    matrix[:, 2] += np.array([size[0] / 2 - centre[0], size[1] / 2 - centre[1]])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cast(Image, cv2.warpAffine(image, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE))
