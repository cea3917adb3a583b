"""Where the engines run, and in which order faces come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from errors import FaceAppError, InvalidInput, Unavailable, internal_error
from vision import apps, inference
from vision.engines import EngineHandler
from vision.engines.detectors import Detector, FramedDetection, find_faces
from vision.engines.fake import FakeEngine
from vision.exceptions import EngineUnavailable, invalid_image
from vision.inference import AnalysisOptions
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Analysis, Box, Image


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


def embeddings(outcome: Analysis | FaceAppError) -> list[list[float]]:
    assert isinstance(outcome, Analysis)
    return [[float(number) for vector in face.embeddings.values() for number in vector] for face in outcome.faces]


def test_several_images_are_analysed_in_one_go_and_a_bad_one_harms_no_other() -> None:
    options = AnalysisOptions(liveness=True, frame=True)
    encoded = [picture(RED, BLUE), b"no image", picture(), picture(GREEN), picture(RED)[:-200]]
    first, bad, empty, last, cut_short = inference.run_engines_on(encoded, options)
    assert embeddings(first) == embeddings(inference.run_engines(encoded[0], options))
    assert len(embeddings(first)) == 2 and embeddings(empty) == [] and len(embeddings(last)) == 1
    assert [error.code for error in (bad, cut_short) if isinstance(error, FaceAppError)] == [
        "image.not_an_image",
        "image.truncated",
    ]


def test_a_network_runs_once_for_the_faces_of_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    real = FakeEngine.embed_chips

    def count(self: FakeEngine, chips: Sequence[Image]) -> Any:
        batches.append(len(chips))
        return real(self, chips)

    monkeypatch.setattr(FakeEngine, "embed_chips", count)
    inference.run_engines_on([picture(RED, BLUE), picture(GREEN)], AnalysisOptions())
    assert batches == [3]


def test_a_face_on_which_a_network_fails_harms_no_other_image(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = FakeEngine.embed_chips

    def fail_on_blue(self: FakeEngine, chips: Sequence[Image]) -> Any:
        vectors = real(self, chips)
        if any(vector[2] > vector[0] for vector in vectors):
            raise ZeroDivisionError("engine bug")
        return vectors

    monkeypatch.setattr(FakeEngine, "embed_chips", fail_on_blue)
    red, blue = inference.run_engines_on([picture(RED), picture(BLUE)], AnalysisOptions())
    assert len(embeddings(red)) == 1
    assert isinstance(blue, FaceAppError) and blue.code == "internal"
    assert "engine bug" not in blue.message and "engine bug" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        internal_error(),
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
