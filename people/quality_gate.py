"""Which faces are good enough to be enrolled: `off`, `standard` or `strict`. The numbers are `vision.quality`'s.

A template stays for years and every later search depends on it, so the gate stands before enrolment and nowhere else.
`standard` refuses what spoils an embedding, which is moved by more than half the threshold there, and lets every usable
face of our test photographs pass. `strict` asks for what an identity document asks for: near, sharp, evenly lit, facing
the camera; the embedding moves by a quarter of the threshold at most. docs/people.md shows the measurements.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from people.exceptions import PoorQuality
from people.types import Gate, Remark
from vision.quality import STANDARD, STRICT, QualityLimits
from vision.types import DetectedFace, Quality

LIMITS = {Gate.STANDARD: STANDARD, Gate.STRICT: STRICT}

Fault = Callable[[Quality, DetectedFace, QualityLimits], bool]

FAULTS: dict[str, tuple[Fault, str]] = {
    "quality.too_small": (lambda q, face, limit: q.size < limit.size, "The face is too small."),
    "quality.blurred": (lambda q, face, limit: q.sharpness < limit.sharpness, "The face is blurred."),
    "quality.dark": (lambda q, face, limit: q.brightness < limit.darkest, "The face is too dark."),
    "quality.bright": (lambda q, face, limit: q.brightness > limit.brightest, "The face is too bright."),
    "quality.turned": (lambda q, face, limit: _turned(q, limit), "The face is turned away or tilted."),
    "quality.uncertain": (
        lambda q, face, limit: face.confidence < limit.confidence,
        "It is not certain that this is a face.",
    ),
}


def deployment_gate() -> Gate:
    """The gate for enrolments that name none."""
    return Gate(settings.QUALITY_GATE)


def remarks_on(*, face: DetectedFace, gate: Gate) -> tuple[Remark, ...]:
    """Everything about the face that this gate refuses; nothing at all with `off`, or where no quality is known."""
    if gate is Gate.OFF or face.quality is None:
        return ()
    quality, limits = face.quality, LIMITS[gate]
    return tuple(Remark(code, text) for code, (fault, text) in FAULTS.items() if fault(quality, face, limits))


def require_quality(*, face: DetectedFace, gate: Gate | None = None) -> None:
    """Raise `PoorQuality` unless the face passes the gate (None: the deployment's)."""
    if remarks := remarks_on(face=face, gate=gate or deployment_gate()):
        raise PoorQuality(remarks)


def _turned(quality: Quality, limits: QualityLimits) -> bool:
    yaw, roll = abs(quality.yaw or 0.0), abs(quality.roll or 0.0)
    return yaw > limits.yaw or roll > limits.roll
