"""Names a caller may give, and the tables behind them."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from vision.checks import check_detectors
from vision.distances import METRICS
from vision.engines import check_names
from vision.engines.detectors import DETECTORS, clip_confidence, haar_confidence, hog_confidence, mmod_confidence
from vision.engines.spaces import MODELS, OF_DEEPFACE
from vision.exceptions import UnknownName

# The names of the service that is replaced (its contract, section 3.2).
OLD_DETECTORS = {
    *("opencv", "ssd", "dlib", "mtcnn", "fastmtcnn", "retinaface", "mediapipe", "yunet", "centerface"),
    *("yolov8", "yolov11s", "yolov11n", "yolov11m"),
}
OLD_MODELS = {
    *("VGG-Face", "Facenet", "Facenet512", "OpenFace", "DeepFace", "DeepID"),
    *("ArcFace", "Dlib", "SFace", "GhostFaceNet", "Buffalo_L"),
}


def test_every_old_name_is_known() -> None:
    assert set(DETECTORS) >= OLD_DETECTORS
    assert set(OF_DEEPFACE) == OLD_MODELS
    assert set(MODELS) == OLD_MODELS | {"pair128", "fr512", "mobilefacenet192"}


def test_the_tables_name_what_deepface_has() -> None:
    pytest.importorskip("deepface")
    from deepface.config.threshold import thresholds
    from deepface.modules.modeling import AVAILABLE_MODELS

    assert {spec.name for spec in DETECTORS.values()} == set(AVAILABLE_MODELS["face_detector"]) | {"mmod"}
    assert set(OF_DEEPFACE) == set(AVAILABLE_MODELS["facial_recognition"])
    for name, model in OF_DEEPFACE.items():
        if name != "Dlib":  # measured here
            assert dict(zip(METRICS, model.thresholds, strict=True)) == thresholds[name]


def test_weight_files_are_called_as_deepface_calls_them() -> None:
    pytest.importorskip("deepface")
    from deepface.models.face_detection import CenterFace, Ssd, Yolo
    from deepface.models.facial_recognition.onnx import SFace

    urls = {url for spec in DETECTORS.values() for file in spec.files for url in file.urls}
    assert {CenterFace.WEIGHTS_URL, Ssd.MODEL_URL, Ssd.WEIGHTS_URL} <= urls
    assert SFace.WEIGHTS_URL in MODELS["SFace"].files[0].urls
    for model in Yolo.YoloModel:
        (file,) = next(
            spec.files for spec in DETECTORS.values() if spec.files and spec.files[0].name == model.file_name
        )
        assert file.urls[0].split("id=")[-1] == model.url.split("id=")[-1]


def test_enabled_names_pass(settings: Settings) -> None:
    settings.FACE_DETECTORS = ["mtcnn"]
    check_names()
    check_names(model="Fake", detector="mtcnn", metric="angular")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"model": "Nobody"}, "engine.unknown"),
        ({"model": "ArcFace"}, "engine.disabled"),
        ({"detector": "nothing"}, "engine.unknown"),
        ({"detector": "yunet"}, "engine.disabled"),
        ({"metric": "manhattan"}, "engine.unknown"),
    ],
)
def test_other_names_are_refused_with_the_enabled_ones(settings: Settings, options: dict[str, str], code: str) -> None:
    settings.FACE_DETECTORS = ["mtcnn"]
    with pytest.raises(UnknownName, match="Enabled: ") as refusal:
        check_names(**options)
    assert refusal.value.code == code


@pytest.mark.parametrize("read", [hog_confidence, mmod_confidence, clip_confidence])
def test_confidence_rises_with_the_score_between_0_and_1(read) -> None:
    values = [read(score) for score in (-1.0, 0.0, 0.1, 0.5, 0.9)]
    assert values == sorted(values) and values[0] == 0 and values[-1] < 1
    assert read(3.5) <= 1


def test_haar_confidence_rises_with_the_weight_that_deepface_hides() -> None:
    values = [haar_confidence((100 - weight) / 100) for weight in (0, 1, 5, 10)]
    assert values == sorted(values) and values[0] == 0 and 0.99 < values[-1] < 1


def test_a_detector_that_does_not_exist_is_found_by_the_checks(settings: Settings) -> None:
    settings.FACE_DETECTORS = ["mtcnn", "nothing"]
    (problem,) = check_detectors()
    assert problem.id == "vision.E003" and "'nothing'" in problem.msg and "mtcnn" in problem.hint
