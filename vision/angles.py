"""By how many degrees a head is turned, from the five points of its face: an estimate that is shown and never decides.

Yaw is where the nose lies between the eyes (`Quality.yaw`), in degrees as docs/liveness.md measured it. Pitch is where
it lies between eyes and mouth, in the proportions of the usual model of a head (tip of the nose at the origin, eyes 170
above and 135 behind, mouth 150 below and 125 behind). Zero is the median of 400 photographs of LFW by YuNet, 0.564;
half of them lie between 0.537 and 0.591, which is 3.8 degrees to either side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vision.types import DetectedFace

YAW_OF_A_DEGREE = 0.0169
MEDIAN = 0.564  # of the distance between eyes and mouth, from the eyes down to the nose
EYES, MOUTH, BEHIND_EYES, BEHIND_MOUTH = 170.0, 150.0, 135.0, 125.0


@dataclass(frozen=True)
class Angles:
    """Degrees, 0 for a face towards the camera. Above 0: `pitch` looks up, `yaw` to the person's left, `roll` falls to
    the right of the picture.
    """

    pitch: float
    yaw: float
    roll: float


def angles_of(face: DetectedFace) -> Angles | None:
    """None where the detector gives less than five points."""
    points, quality = face.landmarks.five_points(), face.quality
    if points is None or quality is None or quality.yaw is None or quality.roll is None:
        return None
    right, left, nose, mouth_right, mouth_left = points
    eyes, across = (right + left) / 2, left - right
    down = np.array([-across[1], across[0]])
    height = float(((mouth_right + mouth_left) / 2 - eyes) @ down)
    if height <= 0:
        return None
    share = float((nose - eyes) @ down) / height
    whole, difference = EYES + MOUTH, BEHIND_EYES - BEHIND_MOUTH
    lower = math.atan2(whole * (share - MEDIAN), BEHIND_EYES - difference * share)
    return Angles(round(-math.degrees(lower), 2), round(quality.yaw / YAW_OF_A_DEGREE, 2), round(quality.roll, 2))
