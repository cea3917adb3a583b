"""Frames for the fake engine: a square is a face, its black dot the nose, its shading what one frame has of its own."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from vision.tests.drawing import RED

SIDE = 48  # pixels of the square
TURNS = {"turn_left": 0.95, "centre": 0.5, "turn_right": 0.05}  # where the nose lies, as a share of the square


def frame(
    colour: tuple[int, int, int] = RED, *, turned: str = "centre", pose: int = 0, fake: bool = False, kind: str = "PNG"
) -> bytes:
    """One face of `colour`; frames of different `pose` or turn are different stills. `fake` puts glare on it."""
    canvas = np.full((2 * SIDE, 2 * SIDE, 3), 128, np.uint8)
    square = canvas[SIDE // 2 : SIDE // 2 + SIDE, SIDE // 2 : SIDE // 2 + SIDE]
    square[:] = colour
    square[2 : 2 + SIDE // 4, 2 + 5 * pose % SIDE : 8 + 5 * pose % SIDE] //= 2
    square[34:46, 4 + 7 * pose % 32 : 14 + 7 * pose % 32] //= 2
    nose = round(0.3 * SIDE + 0.4 * SIDE * TURNS[turned])
    square[30:34, nose - 2 : nose + 2] = 0
    if fake:
        square[4:8, 4:44] = 255
    out = io.BytesIO()
    Image.fromarray(canvas).save(out, kind)
    return out.getvalue()
