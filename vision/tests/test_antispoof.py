"""Anti-spoofing with a network trained here: its samples, and files that are no such network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from vision.antispoof.samples import FAKE, LIVE, Sample, split
from vision.engines import liveness
from vision.engines.deepface import DeepFaceEngine
from vision.engines.liveness import SIDE, surroundings
from vision.exceptions import EngineUnavailable
from vision.types import Box


def test_a_file_that_is_no_such_network_is_refused(tmp_path: Path, settings: Settings) -> None:
    settings.ANTISPOOF_MODEL = str(tmp_path / "a.onnx")
    assert not liveness.in_place()
    (tmp_path / "a.onnx").write_bytes(b"no network")
    with pytest.raises(EngineUnavailable) as refusal:
        liveness.build()
    assert refusal.value.code == "engine.weights_broken"
    assert DeepFaceEngine()._build_presence() is None


def test_recordings_are_not_divided() -> None:
    crop = np.zeros((SIDE, SIDE, 3), np.uint8)
    found = [Sample(crop + group, label, f"{label}/{group}") for label in (LIVE, FAKE) for group in range(4)] * 5
    divided = split(found, share=0.25, seed=1)
    assert len(divided.labels) == 30 and len(divided.held_out_labels) == 10
    assert not {int(crop[0, 0, 0]) for crop in divided.held_out[divided.held_out_labels == LIVE]} & {
        int(crop[0, 0, 0]) for crop in divided.crops[divided.labels == LIVE]
    }


@pytest.mark.parametrize("box", [Box(0, 0, 10, 10), Box(90, 40, 10, 12), Box(0, 0, 100, 60), Box(-5, -5, 400, 400)])
def test_a_crop_lies_inside_the_picture(box: Box) -> None:
    picture: Any = np.random.default_rng(1).integers(0, 255, (60, 100, 3)).astype(np.uint8)
    assert surroundings(picture, box).shape == (SIDE, SIDE, 3)
