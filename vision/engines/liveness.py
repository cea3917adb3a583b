"""FasNet: the probability that a face in a picture is a live person and not a print or a screen."""

from __future__ import annotations

import numpy as np

from vision.engines import runtime
from vision.types import Box, Image

LIVE = 1  # of the classes print, live, screen
SCALES = (2.7, 4.0)  # how much around the face each of the two networks sees


class FasNet:
    """DeepFace's two MiniFASNet networks (Silent-Face-Anti-Spoofing, minivision, Apache-2.0)."""

    def __init__(self) -> None:
        networks = runtime.build("spoofing", "Fasnet")
        self._sessions = (networks.first_model, networks.second_model)

    def live(self, image: Image, box: Box) -> float:
        """Mean probability of the live class over both networks.

        DeepFace's own `antispoof_score` is that of the winning class, live or not, so it is not used.
        Weak where the face fills the picture: both networks then see the same crop.
        """
        from deepface.commons.onnx_utils import run_session
        from deepface.models.spoofing.FasNetUtils import crop

        bgr = np.ascontiguousarray(image[:, :, ::-1])
        around = (box.x, box.y, max(box.w, 1), max(box.h, 1))
        answers = [
            run_session(session, crop(bgr, around, scale, 80, 80))
            for session, scale in zip(self._sessions, SCALES, strict=True)
        ]
        return float(np.mean(answers, axis=0)[0, LIVE])
