"""Where the engines run, and in which order faces come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from errors import FaceAppError, InvalidInput, Unavailable
from vision import apps, inference
from vision.engines import EngineHandler
from vision.engines.detectors import Detector, FramedDetection, find_faces
from vision.engines.fake import FakeEngine
from vision.exceptions import EngineUnavailable, invalid_image
from vision.inference import AnalysisOptions
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Box, Image


class LargestFirst(Detector):
    """Answers its faces as dlib's mmod does, the surest first."""

    boxes = (Box(200, 10, 90, 90), Box(20, 150, 40, 40), Box(20, 30, 40, 40), Box(120, 60, 60, 60))

    def find(self, image: Image) -> list[FramedDetection]:
        return [FramedDetection(box, 0.9, frame=box) for box in self.boxes]


def test_faces_come_from_left_to_right_whatever_the_detectors_order() -> None:
    found = find_faces(LargestFirst(), np.zeros((300, 400, 3), np.uint8), side=1280)
    assert [(d.box.x, d.box.y) for d in found] == [(20, 30), (20, 150), (120, 60), (200, 10)]


def test_an_analysis_keeps_the_order_of_the_engine() -> None:
    analysis = inference.analyse(picture(RED, BLUE, GREEN), AnalysisOptions(liveness=True, frame=True))
    assert len(analysis.faces) == 3
    assert [face.box.x for face in analysis.faces] == sorted(face.box.x for face in analysis.faces)


def test_a_worker_child_runs_its_own_engines_even_where_they_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """It would wait for itself otherwise."""

    def weights_missing(self: FakeEngine) -> None:
        raise EngineUnavailable("Model weights are missing.", code="engine.weights_missing")

    handler = EngineHandler()
    monkeypatch.setattr("vision.engines.engines", handler)
    monkeypatch.setattr(inference, "engines", handler)
    monkeypatch.setattr(FakeEngine, "load", weights_missing)
    settings.CELERY_TASK_ALWAYS_EAGER = False
    with pytest.raises(EngineUnavailable):
        apps.load_engines()
    assert len(inference.analyse(picture(RED)).faces) == 1


@pytest.mark.parametrize(
    "error",
    [
        invalid_image("image.truncated"),
        InvalidInput("There.", code="face.outside"),
        EngineUnavailable("Missing.", code="engine.weights_missing"),
        Unavailable("Lost.", code="queue.unavailable"),
    ],
)
def test_errors_come_back_from_a_worker_as_they_were(error: FaceAppError) -> None:
    rebuilt = inference.error_from_json(**inference.error_to_json(error))
    assert (type(rebuilt), rebuilt.code, rebuilt.message) == (type(error), error.code, error.message)


def test_a_box_has_edges() -> None:
    box = Box.from_edges(3, 4, 12, 23)
    assert box == Box(3, 4, 10, 20) == replace(box)
    assert (box.left, box.top, box.right, box.bottom, box.area) == (3, 4, 12, 23, 200)
