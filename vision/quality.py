"""How usable a face is, in numbers, from its box, landmarks and aligned chip; and limits for them. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vision.types import Box, Detection, Image, Landmarks, Quality

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601

RECOGNISABLE = 0.05  # below which a reason is given: one in twenty of LFW's photographs


@dataclass(frozen=True)
class QualityLimits:
    """The worst that passes. Units as in `vision.types.Quality`; `confidence` is the detector's."""

    size: int
    sharpness: float
    darkest: float
    brightest: float
    yaw: float
    roll: float
    confidence: float


# Beyond STANDARD an embedding moves by more than half the threshold, within STRICT by a quarter at most. The
# measurements are in docs/people.md.
STANDARD = QualityLimits(size=40, sharpness=5.0, darkest=20.0, brightest=225.0, yaw=0.7, roll=45.0, confidence=0.5)
STRICT = QualityLimits(size=80, sharpness=60.0, darkest=50.0, brightest=200.0, yaw=0.3, roll=15.0, confidence=0.9)


def assess(
    detection: Detection, chip: Image, *, recognisability: float | None = None, size: tuple[int, int] | None = None
) -> Quality:
    """Quality of one face. `chip` is its aligned crop, (h, w, 3) RGB; `size`: (width, height) of the photograph."""
    luma = chip.astype(np.float32) @ LUMA
    roll = _roll(detection)
    frame: Box = getattr(detection, "frame", detection.box)  # the square of tall boxes; see `detectors.framed`
    measured = Quality(
        size=min(frame.w, frame.h),
        sharpness=round(_sharpness(luma), 1),
        brightness=round(float(luma.mean()), 1) if luma.size else 0.0,
        yaw=_yaw(detection.landmarks),
        roll=None if roll is None else round(roll, 1),
        recognisability=recognisability,
    )
    return replace(measured, recognisability_reason=_reason(measured, detection.box, size))


def _reason(quality: Quality, box: Box, size: tuple[int, int] | None) -> str | None:
    """What makes the face hard to recognise: `cut`, `turned`, `small`, `dark`, `blurred` or `unclear`.

    None for a face that can be recognised. Where the recognisability is unknown, what can be measured decides alone.
    """
    if quality.recognisability is not None and quality.recognisability >= RECOGNISABLE:
        return None
    remarks = {
        "cut": size is not None and not _lies_inside(box, size),
        "turned": abs(quality.roll or 0) > STANDARD.roll or abs(quality.yaw or 0) > STANDARD.yaw,
        "small": quality.size < STANDARD.size,
        "dark": quality.brightness < STANDARD.darkest,
        "blurred": quality.sharpness < STANDARD.sharpness,
    }
    unknown = None if quality.recognisability is None else "unclear"
    return next((code for code, applies in remarks.items() if applies), unknown)


def _lies_inside(box: Box, size: tuple[int, int]) -> bool:
    """Whether the box touches no border of the photograph."""
    width, height = size
    return box.x > 0 and box.y > 0 and box.x + box.w < width and box.y + box.h < height


def _roll(detection: Detection) -> float | None:
    """Degrees of roll, -180 to 180, in the photograph once it is turned upright."""
    roll = detection.landmarks.roll
    return None if roll is None else (roll + detection.turn + 180) % 360 - 180


def _sharpness(luma: np.ndarray) -> float:
    """Variance of the 4-neighbour Laplacian, the usual focus measure (Pech-Pacheco et al., ICPR 2000)."""
    return float(laplacian(luma).var()) if min(luma.shape) >= 3 else 0.0


def laplacian(luma: np.ndarray) -> np.ndarray:
    """(h - 2, w - 2): how much each pixel differs from its four neighbours together."""
    inner = luma[1:-1, 1:-1]
    found: np.ndarray = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    return found


def _yaw(points: Landmarks) -> float | None:
    """Where the nose lies between the eyes: 0 in the middle, 1 under the left eye, -1 under the right one."""
    if points.left_eye is None or points.right_eye is None or points.nose is None:
        return None
    eyes = np.subtract(points.left_eye, points.right_eye)
    length = float(eyes @ eyes)
    if length == 0:
        return None
    along = float(np.subtract(points.nose, points.right_eye) @ eyes) / length
    return round(max(-1.0, min(1.0, 2 * along - 1)), 3)
