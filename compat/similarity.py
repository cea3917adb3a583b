"""Our decision as a similarity on the scale of services whose callers compare it with a threshold of their own.

They take everything from 0.5 or 0.6 upwards for a match, and look at nothing else that we say. So 0.5 is exactly where
we decide: the operating point of the searched gallery at that moment. Whatever is decided as a match is there or above,
everything else below.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

from calibration.types import Comparison

STEEPNESS = math.atanh(0.96) * 1.5  # 0.9 of ours is 0.98 where 0.7 decides
DIGITS = 5
STEP = 10**-DIGITS


def decided_similarity(comparison: Comparison) -> float:
    """0 to 1, with five digits: 0.5 at the threshold, towards 1 for the same photograph, as a tanh in between."""
    point = comparison.point
    ours, decisive = comparison.similarity or 0.0, point.similarity(point.threshold)
    theirs = (math.tanh(STEEPNESS * (ours - decisive) / max(1.0 - decisive, STEP)) + 1.0) / 2.0
    rounded = float(Decimal(repr(theirs)).quantize(Decimal(1).scaleb(-DIGITS), ROUND_HALF_UP))
    return max(rounded, 0.5) if comparison.matches else min(rounded, 0.5 - STEP)
