"""DeepFace's engine with Dlib on real photographs, in process: dlib's detectors, predictor, network and liveness."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from bench.engine import decide, labelled, load
from faceapp.tests import missing
from vision.alignment import five_point_chip
from vision.distances import METRICS, distance
from vision.engines import weights
from vision.engines.deepface import DeepFaceEngine
from vision.engines.downloads import Fetcher
from vision.engines.landmarks import LandmarkFinder
from vision.engines.spaces import space_of
from vision.exceptions import EngineUnavailable, UnknownName
from vision.tests.conftest import COUNTS, Detected
from vision.types import Box, Image

pytestmark = pytest.mark.models

SITE_PACKAGES = Path(np.__file__).parent.parent


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_every_face_of_a_photograph_is_found(
    request: pytest.FixtureRequest, detected: Detected, name: str, count: int
) -> None:
    folder: Path = request.getfixturevalue("real_faces" if "spoof" in name else "faces")
    image = load(folder / name)
    found = detected(image)
    assert len(found) == count
    for face in found:
        box, eyes = face.box, face.landmarks
        assert box.x >= 0 and box.y >= 0 and box.x + box.w <= image.shape[1] and box.y + box.h <= image.shape[0]
        assert box.x < eyes.right_eye[0] < eyes.left_eye[0] < box.x + box.w
        assert box.y < eyes.left_eye[1] < eyes.nose[1] < box.y + box.h
        assert 0 < face.confidence < 1
    assert [d.box.x for d in found] == sorted(d.box.x for d in found)


def test_six_people_in_a_group_photograph(engine: DeepFaceEngine) -> None:
    photo = SITE_PACKAGES / "insightface" / "data" / "images" / "t1.jpg"
    if not photo.is_file():
        pytest.skip(f"{missing.DATA}: the packages of requirements-demo.txt")
    assert len(engine.detect(load(photo))) == 6


@pytest.mark.parametrize("detector", ["mmod", "dlib", "opencv"])
@pytest.mark.parametrize("metric", METRICS)
def test_every_labelled_pair_is_decided_rightly(
    engine: DeepFaceEngine, faces: Path, embedded: dict[str, list], detector: str, metric: str
) -> None:
    found = [face for face in embedded[detector] if face[2] is not None]
    result = decide(found, engine.space.thresholds[metric], partial(distance, metric=metric))
    assert (result.false_matches, result.false_non_matches) == (0, 0), result
    assert result.pairs > 200


@pytest.mark.parametrize("detector", ["mmod", "dlib"])
def test_no_labelled_face_is_missed(embedded: dict[str, list], detector: str) -> None:
    assert [name for name, _, vector in embedded[detector] if vector is None] == []


def test_faces_found_by_different_detectors_share_one_space(engine: DeepFaceEngine, embedded: dict[str, list]) -> None:
    both = [face for detector in embedded for face in embedded[detector] if face[2] is not None]
    result = decide(both, engine.space.thresholds["euclidean"])
    assert (result.false_matches, result.false_non_matches) == (0, 0), result


@pytest.fixture(scope="module")
def embedded(engine: DeepFaceEngine, detected: Detected, real_faces: Path) -> dict[str, list]:
    """(file, person, embedding) of every labelled face, by detector."""

    def describe(detector: str):
        def run(image: Image):
            found = detected(image) if detector == engine.detector else engine.detect(image, detector=detector)
            boxes = [(d.box.x, d.box.y, d.box.w, d.box.h) for d in found]
            return list(zip(boxes, engine.embed(image, found), strict=True))

        return run

    return {detector: labelled(real_faces, describe(detector)) for detector in ("mmod", "dlib", "opencv")}


def test_the_listed_person_is_the_one_found_in_the_group(
    engine: DeepFaceEngine, detected: Detected, faces: Path
) -> None:
    portrait, group = load(faces / "biden_2.jpg"), load(faces / "obama_and_biden.jpg")
    (listed,) = engine.embed(portrait, detected(portrait))
    distances = np.linalg.norm(engine.embed(group, detected(group)) - listed, axis=1)
    assert [bool(d <= engine.space.thresholds["euclidean"]) for d in distances] == [True, False, False]


@pytest.fixture(scope="module")
def their_network(engine: DeepFaceEngine) -> Any:
    import dlib

    return dlib.face_recognition_model_v1(str(weights.DLIB_RESNET.path))


def test_embeddings_equal_dlibs_own(
    engine: DeepFaceEngine, detected: Detected, their_network: Any, faces: Path
) -> None:
    import dlib

    image = load(faces / "obama_and_biden.jpg")
    found = detected(image)
    predictor = dlib.shape_predictor(str(weights.DLIB_5_POINTS.path))
    rectangles = [dlib.rectangle(f.x, f.y, f.x + f.w - 1, f.y + f.h - 1) for f in (d.frame for d in found)]
    expected = [np.array(their_network.compute_face_descriptor(image, predictor(image, r))) for r in rectangles]
    np.testing.assert_allclose(engine.embed(image, found), expected, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in COUNTS if "/" not in name])
def test_an_embedding_is_the_one_of_dlibs_own_network(
    engine: DeepFaceEngine, detected: Detected, their_network: Any, faces: Path, name: str
) -> None:
    image = load(faces / name)
    found = detected(image)
    chips = engine.chips(image, found)
    expected = [np.array(their_network.compute_face_descriptor(chip)) for chip in chips]
    np.testing.assert_allclose(engine.embed(image, found), expected, atol=1e-5)


def test_a_batch_equals_its_faces_one_by_one_and_repeats_itself(
    engine: DeepFaceEngine, detected: Detected, faces: Path
) -> None:
    image = load(faces / "obama_and_biden.jpg")
    found = detected(image)
    batch = engine.embed(image, found)
    assert engine.detect(image) == found
    np.testing.assert_array_equal(engine.embed(image, found), batch)
    np.testing.assert_allclose(np.concatenate([engine.embed(image, [face]) for face in found]), batch, atol=1e-6)
    assert batch.shape == (3, engine.space.dimensions) and batch.dtype == np.float32
    assert engine.embed(image, []).shape == (0, engine.space.dimensions)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (19, 400), (480, 640)])
@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("detector", ["mmod", "dlib", "opencv"])
def test_pictures_without_anything_have_no_face(
    engine: DeepFaceEngine, shape: tuple[int, int], value: int, detector: str
) -> None:
    image = np.full((*shape, 3), value, np.uint8)
    assert engine.detect(image, detector=detector) == []
    assert engine.chips(image, []) == [] and engine.liveness(image, []) == []


def test_a_grey_photograph_is_recognised(engine: DeepFaceEngine, faces: Path) -> None:
    colour = load(faces / "lin_1.png")
    grey = np.repeat(colour.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    a, b = (engine.embed(image, engine.detect(image))[0] for image in (colour, grey))
    assert np.linalg.norm(a - b) < engine.space.thresholds["euclidean"]


def test_a_face_of_forty_five_pixels_is_found_and_recognised(engine: DeepFaceEngine, faces: Path) -> None:
    import cv2

    large = load(faces / "obama_1.jpg")
    small = cv2.resize(large, None, fx=45 / 269, fy=45 / 269, interpolation=cv2.INTER_AREA)
    canvas = np.full((600, 800, 3), 127, np.uint8)
    canvas[200 : 200 + small.shape[0], 300 : 300 + small.shape[1]] = small
    found = engine.detect(canvas)
    assert len(found) == 1
    a, b = engine.embed(canvas, found)[0], engine.embed(large, engine.detect(large))[0]
    assert np.linalg.norm(a - b) < engine.space.thresholds["euclidean"]


def test_large_photographs_are_searched_small_and_cut_out_large(
    engine: DeepFaceEngine, faces: Path, settings: Settings
) -> None:
    image = load(faces / "obama_4.jpg")
    settings.DETECTION_SIDE = 640
    coarse = engine.detect(image)
    settings.DETECTION_SIDE = 1280
    fine = engine.detect(image)
    assert len(coarse) == len(fine) == 1
    assert overlap(coarse[0].box, fine[0].box) > 0.6
    a, b = engine.embed(image, coarse)[0], engine.embed(image, fine)[0]
    assert np.linalg.norm(a - b) < 0.2


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(w, 0) * max(h, 0)
    return shared / (a.area + b.area - shared)


@pytest.mark.parametrize(("name", "live"), [("real_1", True), ("fake_1", False), ("fake_2", False)])
def test_a_live_face_scores_high_and_an_attack_low(
    engine: DeepFaceEngine, real_faces: Path, name: str, live: bool
) -> None:
    image = load(real_faces / "spoof" / f"{name}.jpg")
    (score,) = engine.liveness(image, engine.detect(image))
    assert score > 0.5 if live else score < 0.2


def test_without_its_weights_there_is_no_liveness_score(
    engine: DeepFaceEngine, faces: Path, settings: Settings, tmp_path: Path
) -> None:
    settings.MODELS_DIR = tmp_path
    for file in DeepFaceEngine().files():
        Fetcher(lambda line: None).fetch(file)
    other = DeepFaceEngine()
    image = load(faces / "rose_1.jpg")
    assert other.liveness(image, other.detect(image)) == [None]


def test_missing_weights_are_named_and_never_downloaded(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    engine = DeepFaceEngine()
    with pytest.raises(EngineUnavailable, match="fetch_models") as refusal:
        engine.load()
    assert refusal.value.code == "engine.weights_missing"
    assert str(weights.folder()) in refusal.value.message
    expected = [weights.DLIB_RESNET, weights.DLIB_5_POINTS, weights.DLIB_MMOD]
    assert engine.missing_weights() == [file.name for file in expected]


def test_deepface_cannot_download_by_itself(engine: DeepFaceEngine, settings: Settings, tmp_path: Path) -> None:
    from deepface.commons import weight_utils

    settings.MODELS_DIR = tmp_path
    with pytest.raises(EngineUnavailable) as refusal:
        weight_utils.download_weights_if_necessary(file_name="a.onnx", source_url="https://example.org/a.onnx")
    assert refusal.value.code == "engine.weights_missing"
    assert list(tmp_path.iterdir()) == []


def test_a_detector_whose_weights_are_missing_is_refused_and_the_engine_goes_on(
    engine: DeepFaceEngine, faces: Path
) -> None:
    image = load(faces / "rose_1.jpg")
    with pytest.raises(EngineUnavailable, match="centerface"):
        engine.detect(image, detector="centerface")
    with pytest.raises(EngineUnavailable) as refusal:
        engine.detect(image, detector="mediapipe")
    assert refusal.value.code == "engine.package_missing"
    assert len(engine.detect(image)) == 1


def test_five_points_of_any_detectors_box_give_the_arcface_chip(engine: DeepFaceEngine, faces: Path) -> None:
    image = load(faces / "obama_3.jpg")
    Fetcher(lambda line: None).fetch(weights.DLIB_68_POINTS)
    finder = LandmarkFinder(full=True)
    chips = []
    for detector in ("dlib", "opencv"):
        (found,) = engine.detect(image, detector=detector)
        points = finder.five_points(image, found)
        assert np.abs(points[0] - found.landmarks.right_eye).max() < 0.05 * found.box.w
        assert points[3, 0] < points[2, 0] < points[4, 0] and points[2, 1] < points[3:, 1].min()
        chips.append(five_point_chip(image, points).astype(float))
    assert chips[0].shape == (112, 112, 3)
    assert np.corrcoef(chips[0].ravel(), chips[1].ravel())[0, 1] > 0.9


def test_names_that_do_not_exist_are_refused() -> None:
    for options in ({"model": "Nobody"}, {"model": "pair128"}, {"detector": "nothing"}):
        with pytest.raises(UnknownName) as refusal:
            DeepFaceEngine(**options)
        assert refusal.value.code == "engine.unknown"


def test_a_space_names_model_weights_and_alignment() -> None:
    space = space_of("Dlib")
    assert space.name == f"dlib-resnet-v1.{weights.DLIB_RESNET.sha256[:8]}.dlib150"
    assert set(space.thresholds) == set(METRICS)
    assert DeepFaceEngine(detector="mtcnn").space == space
