"""Age and gender: off by default, part of detection only, and never stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.apps import apps
from pytest_django.fixtures import Settings

from recognition.services import detect_faces
from vision import inference
from vision.engines import attributes, enabled, weights
from vision.exceptions import EngineUnavailable
from vision.inference import AnalysisOptions
from vision.tests.drawing import RED, picture
from vision.tests.finding import largest_face
from vision.tests.shared_weights import put_in_place
from vision.tests.test_pose import portrait
from vision.types import Attributes, Box, DetectedFace, Detection, Landmarks
from work.types import Submission


def submission() -> Submission:
    data = picture(RED)
    return Submission("one", data=data)


def test_it_is_off_by_default(settings: Settings) -> None:
    assert settings.AGE_AND_GENDER is False and attributes.files() == ()
    assert [face.attributes for face in detect_faces(submission=submission()).faces] == [None]


def test_where_it_is_on_only_detection_asks_for_it(settings: Settings, tmp_path: Path) -> None:
    settings.AGE_AND_GENDER, settings.MODELS_DIR = True, tmp_path
    attributes._networks.cache_clear()
    assert {weights.AGE, weights.GENDER} <= set(enabled.enabled_files())
    with pytest.raises(EngineUnavailable, match=r"age-v1\.onnx"):
        detect_faces(submission=submission())
    for options in (AnalysisOptions(), AnalysisOptions(liveness=True, frame=True)):
        [face] = inference.analyse(picture(RED), options).faces
        assert face.attributes is None


def test_no_table_has_a_column_for_it() -> None:
    columns = {field.name for model in apps.get_models() for field in model._meta.get_fields()}
    assert not columns & {"age", "gender", "sex", "attributes", "gender_confidence"}


def test_it_survives_the_way_from_the_worker() -> None:
    face = DetectedFace(Box(1, 2, 3, 4), 0.9, Landmarks(), attributes=Attributes(30, "female", 0.9))
    assert DetectedFace.from_json(face.to_json()) == face


@pytest.mark.parametrize("landmarks", [Landmarks(), Landmarks(left_eye=(5, 5), right_eye=(5, 5))])
def test_a_face_without_eyes_has_none(landmarks: Landmarks) -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    assert attributes.estimate(image, [Detection(Box(0, 0, 9, 9), 1.0, landmarks)]) == [None]


@pytest.mark.models
@pytest.mark.parametrize(("name", "gender", "youngest", "oldest"), [
    ("obama_1.jpg", "male", 35, 70), ("biden_2.jpg", "male", 50, 81), ("rose_1.jpg", "female", 15, 50),
])  # fmt: skip
def test_photographs_are_guessed_alike_upright_turned_and_in_a_batch(
    real_faces: Path, name: str, gender: str, youngest: int, oldest: int,
) -> None:  # fmt: skip
    put_in_place([weights.AGE, weights.GENDER])
    attributes._networks.cache_clear()
    image = portrait(real_faces, name)
    [face] = largest_face(image)
    [guess] = attributes.estimate(image, [face])
    assert guess is not None and guess.gender == gender and youngest <= guess.age <= oldest
    assert 0.5 < guess.gender_confidence <= 1
    assert attributes.estimate(image, [face, Detection(face.box, 1.0), face]) == [guess, None, guess]
    on_its_side = np.ascontiguousarray(np.rot90(image))
    width = image.shape[1]
    points = {
        side: (y, width - 1 - x) for side in ("left_eye", "right_eye") for x, y in [getattr(face.landmarks, side)]
    }
    [turned] = attributes.estimate(on_its_side, [Detection(face.box, 1.0, Landmarks(**points), turn=90)])
    assert turned is not None and turned.gender == gender and abs(turned.age - guess.age) <= 2
