"""The native engine on real photographs: small, turned and blurred faces, strips, and networks against their parts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from pytest_django.fixtures import Settings

from bench.engine import load
from environment import BASE_DIR
from faceapp.tests import missing
from vision.alignment import five_point_chip
from vision.engines import graphs, runtime, weights
from vision.engines.deepface import DeepFaceEngine
from vision.engines.onnx import fitted, recognisers, tflite
from vision.engines.onnx.engine import RECOGNISERS, OnnxEngine
from vision.engines.onnx.recognisers import Recogniser
from vision.exceptions import EngineUnavailable, UnknownName
from vision.inference import AnalysisOptions, run_engines
from vision.quality import assess
from vision.recognisability import share_of
from vision.tests.conftest import COUNTS
from vision.tests.shared_weights import put_in_place
from vision.types import Image

pytestmark = pytest.mark.models

SMALL = ("alex_1.jpg", "biden_1.jpg", "lin_1.png", "obama_1.jpg", "rose_2.jpg")
SIDEWAYS = ("alex_1.jpg", "biden_2.jpg", "rose_2.jpg")
UNRECOGNISABLE = 2.35  # length of the raw vector
FINDINGS = BASE_DIR.parent / "shared" / "findings" / "inputs"
ALONE = (
    "alex_2.jpg",
    "alex_3.png",
    "biden_1.jpg",
    "kit_1.jpg",
    "lin_1.png",
    "obama_1.jpg",
    "obama_3.jpg",
    "rose_1.jpg",
)


@pytest.fixture(scope="module")
def native() -> OnnxEngine:
    engine = OnnxEngine()
    put_in_place([*engine.files(), weights.DLIB_5_POINTS, weights.DLIB_RESNET, weights.DLIB_MMOD])
    engine.load()
    return engine


def distance(engine: OnnxEngine, one: Image, other: Image) -> float:
    """The cosine distance between the only faces of two photographs."""
    a, b = (engine.embed(image, engine.detect(image)) for image in (one, other))
    assert len(a) == len(b) == 1
    return 1 - float(a[0] @ b[0])


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_every_face_of_a_photograph_is_found(
    request: pytest.FixtureRequest, native: OnnxEngine, name: str, count: int
) -> None:
    folder: Path = request.getfixturevalue("real_faces" if "spoof" in name else "faces")
    image = load(folder / name)
    found = native.detect(image)
    assert len(found) == count and [face.turn for face in found] == [0] * count
    for face in found:
        box, points = face.box, face.landmarks.five_points()
        assert points is not None
        assert box.x >= 0 and box.y >= 0 and box.x + box.w <= image.shape[1] and box.y + box.h <= image.shape[0]
        assert points[0, 0] < points[1, 0] and points[:2, 1].max() < points[3:, 1].min()
    assert [face.box.x for face in found] == sorted(face.box.x for face in found)


def test_five_faces_of_26_to_37_pixels_are_found(native: OnnxEngine, faces: Path) -> None:
    canvas = np.full((720, 1280, 3), 127, np.uint8)
    for place, (name, side) in enumerate(zip(SMALL, (26, 29, 32, 35, 37), strict=True)):
        image = load(faces / name)
        (face,) = native.detect(image)
        scale = side / face.box.w
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:240, :200]
        canvas[200 : 200 + small.shape[0], 40 + place * 240 : 40 + place * 240 + small.shape[1]] = small
    found = native.detect(canvas)
    assert len(found) == 5
    assert [20 <= face.box.w <= 44 for face in found] == [True] * 5


def test_a_face_in_a_long_strip_is_found(native: OnnxEngine, faces: Path) -> None:
    image = load(faces / "rose_2.jpg")
    portrait = cv2.resize(image, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    for shape in ((900, 12_000, 3), (12_000, 900, 3)):
        strip = np.full(shape, 127, np.uint8)
        top, left = (50, 7_000) if shape[1] > shape[0] else (7_000, 50)
        strip[top : top + portrait.shape[0], left : left + portrait.shape[1]] = portrait
        assert distance(native, strip, image) < 0.2


@pytest.mark.parametrize("name", SIDEWAYS)
@pytest.mark.parametrize("turn", [90, 180, 270])
@pytest.mark.parametrize("recogniser", ["pair128", "dlib"])
def test_a_turned_photograph_is_recognised(
    native: OnnxEngine, faces: Path, name: str, turn: int, recogniser: str
) -> None:
    engine = native if recogniser == "pair128" else OnnxEngine(recogniser=recogniser)
    upright = load(faces / name)
    turned = np.ascontiguousarray(np.rot90(upright, turn // 90))  # counterclockwise
    (face,) = engine.detect(turned)
    (chip,) = engine.chips(turned, [face])
    quality = assess(face, chip)
    assert face.turn == turn
    assert abs(quality.roll or 0) < 10
    a, b = engine.embed(turned, [face])[0], engine.embed(upright, engine.detect(upright))[0]
    cosine = 1 - float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert cosine < engine.space.thresholds["cosine"] / 2
    assert engine.recognisability(turned, [face])[0] > 0.05
    box, height, width = face.box, *turned.shape[:2]
    assert box.x >= 0 and box.y >= 0 and box.x + box.w <= width and box.y + box.h <= height
    for x, y in (face.landmarks.left_eye, face.landmarks.right_eye, face.landmarks.nose):
        assert box.x <= x <= box.x + box.w and box.y <= y <= box.y + box.h


@pytest.mark.parametrize("name", ["kit_1.jpg", "lin_1.png"])
def test_a_blurred_face_is_hardly_recognisable(native: OnnxEngine, real_faces: Path, name: str) -> None:
    image = cv2.GaussianBlur(cropped(native, load(real_faces / name)), (0, 0), 14)
    assert raw_length(native, image) < UNRECOGNISABLE
    (face,) = native.detect(image)
    (share,) = native.recognisability(image, [face])
    assert share is not None and share < 0.005
    (chip,) = native.chips(image, [face])
    size = image.shape[1], image.shape[0]
    assert assess(face, chip, recognisability=share, size=size).recognisability_reason == "blurred"


@pytest.fixture(scope="module")
def findings() -> Path:
    if not FINDINGS.is_dir():
        pytest.skip(f"{missing.DATA}: ../shared/findings, files that once went wrong")
    return FINDINGS


@pytest.mark.parametrize("name", SIDEWAYS)
def test_a_photograph_sent_sideways_is_recognised_among_others(
    native: OnnxEngine, findings: Path, real_faces: Path, name: str
) -> None:
    """As the person it shows, by a photograph other than the one that was turned."""
    distances = {
        other: distance(native, load(findings / f"sideways90_{name}"), load(real_faces / other)) for other in ALONE
    }
    person = name.split("_")[0]
    for other, apart in distances.items():
        assert (apart <= native.space.thresholds["cosine"]) == other.startswith(person)


@pytest.mark.parametrize("name", ["blur14_kit_1.jpg", "blur14_lin_1.jpg"])
def test_a_photograph_sent_blurred_is_not_recognisable(native: OnnxEngine, findings: Path, name: str) -> None:
    image = load(findings / name)
    assert raw_length(native, image) < UNRECOGNISABLE


def raw_length(engine: OnnxEngine, image: Image) -> float:
    """The length of the raw vector of the only face."""
    (face,) = engine.detect(image)
    points = face.landmarks.five_points()
    assert points is not None
    (length,) = Recogniser("fr512")([five_point_chip(image, points)])[1]
    return float(length)


def cropped(engine: OnnxEngine, image: Image) -> Image:
    """The face and half of its size around it, 400 pixels wide."""
    (face,) = engine.detect(image)
    box, margin = face.box, face.box.w // 2
    part = image[max(box.y - margin, 0) : box.y + box.h + margin, max(box.x - margin, 0) : box.x + box.w + margin]
    return cv2.resize(part, (400, 400), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("shape", [(1, 1), (1, 20_000), (20_000, 1), (15, 400), (16, 16), (480, 640)])
@pytest.mark.parametrize("value", [0, 255])
def test_pictures_without_anything_have_no_face(native: OnnxEngine, shape: tuple[int, int], value: int) -> None:
    image = np.full((*shape, 3), value, np.uint8)
    assert native.detect(image) == []
    assert native.chips(image, []) == [] and native.recognisability(image, []) == []
    assert native.embed(image, []).shape == (0, 128)


def test_a_hundred_faces(native: OnnxEngine, faces: Path) -> None:
    portrait = cv2.resize(cropped(native, load(faces / "rose_2.jpg")), (120, 120), interpolation=cv2.INTER_AREA)
    image = np.tile(portrait, (10, 10, 1))
    found = native.detect(image)
    assert len(found) == 100
    vectors, recognisable = native.describe(native.face_chips(image, found))
    assert vectors.shape == (100, 128) and len(recognisable) == 100
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(native.embed(image, found[50:51])[0], vectors[50], atol=1e-5)


@pytest.mark.parametrize("name", ["fr512", "mobilefacenet192", "pair128"])
def test_a_recogniser_equals_its_networks_one_by_one(native: OnnxEngine, name: str) -> None:
    chips = [*np.random.default_rng(1).integers(0, 256, (3, 112, 112, 3)).astype(np.uint8)]
    pixels = (np.stack(chips).astype(np.float32).transpose(0, 3, 1, 2) - 127.5) / 128
    first = runtime.open_session(weights.FR_FEATURE.path.read_bytes())
    raw = np.concatenate([first.run(None, {first.get_inputs()[0].name: row[None]})[0] for row in pixels])
    model = tflite.to_onnx(weights.MOBILEFACENET.path.read_bytes(), name="mobilefacenet")
    second = runtime.open_session(model.SerializeToString())
    other = second.run(None, {second.get_inputs()[0].name: pixels})[0]
    both = np.concatenate([unit(raw), unit(other)], axis=1)
    expected = {"fr512": unit(raw), "mobilefacenet192": unit(other), "pair128": unit(both @ fitted.projection())}
    vectors, lengths = Recogniser(name)(chips)
    np.testing.assert_allclose(vectors, expected[name], atol=1e-5)
    np.testing.assert_allclose(lengths, np.linalg.norm(raw, axis=1), rtol=1e-5)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_tensorflow_lite_model_equals_tensorflows_own_interpreter(native: OnnxEngine) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    content = weights.MOBILEFACENET.path.read_bytes()
    theirs = tensorflow.lite.Interpreter(model_content=content)
    theirs.allocate_tensors()
    (entry,), (answer,) = theirs.get_input_details(), theirs.get_output_details()
    pixels = np.random.default_rng(2).uniform(-1, 1, entry["shape"]).astype(np.float32)
    theirs.set_tensor(entry["index"], pixels)
    theirs.invoke()
    ours = runtime.open_session(tflite.to_onnx(content, name="mobilefacenet").SerializeToString())
    (rows,) = ours.run(None, {ours.get_inputs()[0].name: pixels.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(rows, theirs.get_tensor(answer["index"]), atol=1e-4)


def test_the_native_engine_has_dlibs_own_space_and_descriptors(native: OnnxEngine, faces: Path) -> None:
    image = load(faces / "obama_and_biden.jpg")
    ours, theirs = OnnxEngine(recogniser="dlib", detector="mmod"), DeepFaceEngine(model="Dlib", detector="mmod")
    assert ours.space == theirs.space
    found = ours.detect(image)
    assert found == theirs.detect(image)
    np.testing.assert_allclose(ours.embed(image, found), theirs.embed(image, found), atol=1e-6)


@pytest.mark.parametrize("detector", ["mmod", "dlib"])
def test_faces_of_detectors_without_five_points_are_aligned_by_dlibs(
    native: OnnxEngine, faces: Path, detector: str
) -> None:
    for name in SIDEWAYS:
        image = load(faces / name)
        (own,) = native.embed(image, native.detect(image))
        (other,) = native.embed(image, native.detect(image, detector=detector))
        assert 1 - own @ other < 0.2


def test_recognisability_is_the_same_whatever_model_describes_the_face(native: OnnxEngine, faces: Path) -> None:
    image = load(faces / "obama_and_biden.jpg")
    found = native.detect(image)
    expected = native.describe(native.face_chips(image, found))[1]
    assert native.recognisability(image, found) == pytest.approx(expected, abs=1e-3)
    for engine in (OnnxEngine(recogniser="fr512"), OnnxEngine(recogniser="dlib"), DeepFaceEngine(model="Dlib")):
        assert engine.describe(engine.face_chips(image, found))[1] == pytest.approx(expected, abs=1e-3)


def test_recognisability_needs_its_file_and_a_permitted_licence(
    native: OnnxEngine, faces: Path, settings: Settings
) -> None:
    image = load(faces / "rose_2.jpg")
    settings.LICENCE = "CC0-1.0"
    assert OnnxEngine(recogniser="dlib").recognisability(image, native.detect(image)) == [None]
    settings.LICENCE = "MIT"
    assert OnnxEngine(recogniser="dlib").recognisability(image, native.detect(image)) != [None]


def test_an_analysis_carries_turn_and_recognisability(native: OnnxEngine, faces: Path, settings: Settings) -> None:
    from vision.engines import engines

    settings.FACE_ENGINES = {"default": {"BACKEND": "vision.engines.onnx.engine.OnnxEngine", "OPTIONS": {}}}
    engines.reset()
    turned = np.rot90(load(faces / "rose_2.jpg"))
    data = cv2.imencode(".png", np.ascontiguousarray(turned[:, :, ::-1]))[1].tobytes()
    for aliases in ((), ("default",)):
        (face,) = run_engines(data, AnalysisOptions(aliases=aliases)).faces
        assert face.turn == 90 and face.recognisability > 0.05 and face.recognisability_reason is None
    engines.reset()


def test_missing_weights_are_named_with_their_folder(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    engine = OnnxEngine()
    with pytest.raises(EngineUnavailable, match="fetch_models") as refusal:
        engine.load()
    assert refusal.value.code == "engine.weights_missing"
    assert str(weights.folder()) in refusal.value.message
    expected = [weights.FR_FEATURE.name, weights.MOBILEFACENET.name, weights.LIBFACEDETECTION.name]
    assert engine.missing_weights() == expected and all(name in refusal.value.message for name in expected)


def test_a_damaged_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    weights.folder().mkdir(parents=True)
    for file in OnnxEngine().files():
        file.path.write_bytes(b"damaged")
    with pytest.raises(EngineUnavailable) as refusal:
        OnnxEngine().load()
    assert refusal.value.code == "engine.weights_broken"


def test_graphs_are_built_once_and_kept(
    native: OnnxEngine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR = tmp_path
    Recogniser("fr512")
    monkeypatch.setattr(recognisers, "recogniser_graph", None)
    Recogniser("fr512")
    assert [path.name.split(".")[0] for path in graphs.folder().iterdir()] == ["fr512"]


def test_names_that_do_not_exist_are_refused() -> None:
    for options in ({"recogniser": "ArcFace"}, {"detector": "nothing"}):
        with pytest.raises(UnknownName) as refusal:
            OnnxEngine(**options)
        assert refusal.value.code == "engine.unknown"


def test_spaces_name_every_file_and_the_projection() -> None:
    names = {OnnxEngine(recogniser=name).space.name for name in RECOGNISERS}
    assert len(names) == len(RECOGNISERS)
    pair = OnnxEngine().space
    for part in (weights.FR_FEATURE.sha256[:8], weights.MOBILEFACENET.sha256[:8], fitted.projection_digest()[:8]):
        assert part in pair.name
    assert pair.metric == "cosine" and pair.thresholds["euclidean"] == pair.thresholds["euclidean_l2"]
    assert pair.thresholds["euclidean"] ** 2 / 2 == pytest.approx(pair.thresholds["cosine"])


def test_recognisability_rises_with_the_length() -> None:
    values = [share_of(length) for length in np.linspace(0, 6, 50)]
    assert values == sorted(values) and (values[0], values[-1]) == (0, 1)
    assert share_of(UNRECOGNISABLE) < 0.01
