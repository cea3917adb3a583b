"""dlib's networks on ONNX Runtime against dlib itself: the same rectangles, scores and descriptors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from bench.engine import load
from vision.engines import runtime, weights
from vision.engines.deepface import DeepFaceEngine
from vision.engines.detectors import MmodDetector, find_faces
from vision.engines.dlib_onnx import mmod
from vision.engines.dlib_onnx.descriptor import DescriptorNetwork
from vision.engines.dlib_onnx.mmod import Mmod
from vision.engines.downloads import Fetcher
from vision.tests.conftest import COUNTS, PHOTOGRAPHS
from vision.types import Box, Image, ScoredBox

pytestmark = pytest.mark.models

PHOTOS = [name for name in COUNTS if "/" not in name]
SIDE = 480  # pixels to which photographs are reduced: dlib needs two seconds for a megapixel
SCORE, DESCRIPTOR = 1e-4, 1e-5  # how much they may differ
Rectangles = list[tuple[int, int, int, int]]


@pytest.fixture(scope="module")
def files() -> None:
    for file in (weights.DLIB_MMOD, weights.DLIB_RESNET, weights.DLIB_5_POINTS):
        Fetcher(lambda line: None).fetch(file)


@pytest.fixture(scope="module")
def ours(files: None) -> Mmod:
    return mmod.load()


@pytest.fixture(scope="module")
def theirs(files: None) -> Any:
    import dlib

    return dlib.cnn_face_detection_model_v1(str(weights.DLIB_MMOD.path))


@pytest.fixture(scope="module")
def their_network(files: None) -> Any:
    import dlib

    return dlib.face_recognition_model_v1(str(weights.DLIB_RESNET.path))


def reduced(image: Image, side: int) -> Image:
    scale = side / max(image.shape[:2])
    return image if scale >= 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def assert_same(ours: Mmod, theirs: Any, image: Image, upsample: int = 0) -> int:
    """The detections are equal, in order; returns how many there are."""
    expected = theirs(image, upsample)
    found = ours(image, upsample)
    assert [(f.box.left, f.box.top, f.box.right, f.box.bottom) for f in found] == [
        (e.rect.left(), e.rect.top(), e.rect.right(), e.rect.bottom()) for e in expected
    ]
    np.testing.assert_allclose([f.score for f in found], [e.confidence for e in expected], atol=SCORE)
    return len(found)


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photograph_has_the_detections_of_dlib(ours: Mmod, theirs: Any, faces: Path, name: str) -> None:
    assert_same(ours, theirs, reduced(load(faces / name), SIDE))


def test_a_large_photograph_has_the_detections_of_dlib(ours: Mmod, theirs: Any, real_faces: Path) -> None:
    """The wider the image, the further dlib's resizing is off the exact places."""
    assert assert_same(ours, theirs, cv2.resize(load(real_faces / "obama_1.jpg"), (1280, 720))) == 1


@pytest.mark.parametrize(("name", "upsample", "side"), [("obama_240p.jpg", 1, 300), ("obama_and_biden_2.jpg", 2, 120)])
def test_an_upsampled_photograph_has_the_detections_of_dlib(
    ours: Mmod, theirs: Any, faces: Path, name: str, upsample: int, side: int
) -> None:
    assert assert_same(ours, theirs, reduced(load(faces / name), side), upsample) > 0


def heads(faces: Path, side: int) -> list[Image]:
    """Square cuts of `side` pixels around one face of each real photograph, half of it the face."""
    cuts = []
    for name, (x, y, width) in {
        "alex_2.jpg": (845, 313, 330), "biden_2.jpg": (645, 530, 430), "lin_1.png": (360, 290, 270),
        "obama_1.jpg": (440, 230, 250), "rose_1.jpg": (740, 225, 260), "obama_3.jpg": (760, 360, 400),
    }.items():  # fmt: skip
        image = load(faces / name)
        cut = image[max(y - width, 0) : y + width, max(x - width, 0) : x + width]
        cuts.append(cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA))
    return cuts


def collage(faces: Path, *, columns: int, rows: int, side: int) -> Image:
    cuts = heads(faces, side)
    lines = [np.hstack([cuts[(row * columns + i) % len(cuts)] for i in range(columns)]) for row in range(rows)]
    return np.ascontiguousarray(np.vstack(lines))


def dark(image: Image) -> Image:
    return (image * 0.12).astype(np.uint8)


def rotated(image: Image) -> Image:
    middle = (image.shape[1] / 2, image.shape[0] / 2)
    return cv2.warpAffine(image, cv2.getRotationMatrix2D(middle, 25, 1), image.shape[1::-1])


def noisy(image: Image) -> Image:
    noise = np.random.default_rng(3).normal(0, 40, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


VARIANTS: dict[str, Callable[[Image], Image]] = {
    "plain": lambda image: image,
    "small": lambda image: cv2.resize(image, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA),
    "dark": dark,
    "rotated": rotated,
    "noisy": noisy,
    "cropped": lambda image: np.ascontiguousarray(image[70:-60, 55:-75]),
    "mirrored upside down": lambda image: np.ascontiguousarray(image[::-1, ::-1]),
    "very wide": lambda image: np.hstack([image[:160], image[160:], np.zeros((160, 500, 3), np.uint8)]),
    "very tall": lambda image: np.vstack([image[:, :160], image[:, 160:320], image[:, 320:]]),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_collage_has_the_detections_of_dlib(ours: Mmod, theirs: Any, faces: Path, variant: str) -> None:
    image = VARIANTS[variant](collage(faces, columns=3, rows=2, side=160))
    found = assert_same(ours, theirs, image)
    assert found > 0 or variant in ("small", "mirrored upside down") or faces != PHOTOGRAPHS


def test_a_small_collage_has_the_detections_of_dlib_when_upsampled(ours: Mmod, theirs: Any, real_faces: Path) -> None:
    assert assert_same(ours, theirs, VARIANTS["small"](collage(real_faces, columns=3, rows=2, side=160)), 1) == 6


SHAPES = [
    (10, 10),
    (12, 200),
    (200, 12),
    (20, 20),
    (31, 64),
    (64, 31),
    (45, 300),
    (300, 45),
    (59, 120),
    (24, 1500),
    (97, 101),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_tiny_and_narrow_images_have_the_detections_of_dlib(
    ours: Mmod, theirs: Any, faces: Path, shape: tuple[int, int]
) -> None:
    image = cv2.resize(heads(faces, 160)[0], shape[::-1], interpolation=cv2.INTER_AREA)
    assert_same(ours, theirs, image)


@pytest.mark.parametrize("shape", [(1, 1), (9, 300), (300, 9), (1, 5000)])
def test_images_too_narrow_for_a_pyramid_have_no_detections(ours: Mmod, shape: tuple[int, int]) -> None:
    """dlib itself ends the process on some of them."""
    assert ours(np.zeros((*shape, 3), np.uint8)) == [] == ours(np.full((*shape, 3), 255, np.uint8))


def test_descriptors_are_those_of_dlib(their_network: Any, faces: Path) -> None:
    cuts = heads(faces, 150)
    chips = [*cuts, *(VARIANTS[name](cut) for name in ("dark", "rotated", "noisy") for cut in cuts[:3])]
    chips += [np.full((150, 150, 3), value, np.uint8) for value in (0, 255)]
    expected = np.array([np.array(row) for row in their_network.compute_face_descriptor(chips)])
    found = DescriptorNetwork()(np.stack(chips))
    np.testing.assert_allclose(found, expected, atol=DESCRIPTOR)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.concatenate([DescriptorNetwork()(chip[None]) for chip in chips]), found, atol=1e-6)


def test_deepface_itself_runs_on_it(engine: DeepFaceEngine, faces: Path) -> None:
    from deepface import DeepFace
    from deepface.modules import modeling

    assert isinstance(modeling.build_model("facial_recognition", "Dlib").model, DescriptorNetwork)
    image = load(faces / "obama_1.jpg")
    (chip,) = engine.chips(image, engine.detect(image))
    options = {"model_name": "Dlib", "detector_backend": "skip", "enforce_detection": False}
    (row,) = DeepFace.represent(chip[:, :, ::-1].copy(), **options)
    np.testing.assert_allclose(row["embedding"], DescriptorNetwork()(chip[None])[0], atol=1e-6)


def test_dlibs_own_network_can_be_chosen(files: None) -> None:
    code = """
import django
django.setup()
from vision.engines import runtime
print(type(runtime.build("facial_recognition", "Dlib")).__module__)
"""
    assert child(code, FACEAPP_DLIB_NETWORK="dlib") == "deepface.models.facial_recognition.dlib.Dlib"
    assert child(code) == "vision.engines.dlib_onnx.descriptor"


def child(code: str, **environment: str) -> str:
    """The last line that `code` prints, in a fresh interpreter with the service's own settings."""
    import os

    chosen = os.environ | {
        "DJANGO_SETTINGS_MODULE": "faceapp.settings",
        "FACEAPP_SECRET_KEY": "for one test",
        "FACEAPP_MODELS_DIR": str(django_settings.MODELS_DIR),
        **environment,
    }
    command = [sys.executable, "-c", code]
    answer = subprocess.run(
        command, cwd=django_settings.BASE_DIR, env=chosen, capture_output=True, text=True, timeout=200
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    return answer.stdout.splitlines()[-1]


class Counted:
    """A session that counts its runs and the images in them."""

    def __init__(self, session: Any) -> None:
        self.session, self.batches = session, []

    def run(self, names: Any, inputs: dict[str, Any]) -> Any:
        self.batches.append(len(inputs["images"]))
        return self.session.run(names, inputs)


@pytest.fixture
def counted(engine: DeepFaceEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    network = runtime.build("facial_recognition", "Dlib").model
    counter = Counted(network._session)
    monkeypatch.setattr(network, "_session", counter)
    return counter


def who(cell: int) -> int:
    """Which person a cell of the collage shows; columns 3 and 5 show the same one."""
    return 3 if cell % 6 == 5 else cell % 6


def test_thirty_faces_are_found_in_one_pass_and_embedded_in_one_batch(
    engine: DeepFaceEngine, counted: Counted, real_faces: Path
) -> None:
    image = collage(real_faces, columns=6, rows=5, side=160)
    found = engine.detect(image)
    assert len(found) == 30
    vectors = engine.embed(image, found)
    assert counted.batches == [30]
    people = [int(d.box.y + d.box.h / 2) // 160 * 6 + int(d.box.x + d.box.w / 2) // 160 for d in found]
    assert sorted(people) == list(range(30))
    for row, person in zip(vectors, people, strict=True):
        same = [np.linalg.norm(row - other) < 0.6 for other in vectors]
        assert same == [who(other) == who(person) for other in people]


@pytest.mark.parametrize("size", [40, 44, 52, 60, 80])
def test_every_face_of_forty_pixels_is_found_that_dlib_finds(
    engine: DeepFaceEngine, ours: Mmod, real_faces: Path, size: int
) -> None:
    """On a canvas that is as large as detection takes it; `ours` stands for dlib here, which needs half a minute."""
    canvas = np.full((960, 1280, 3), 120, np.uint8)
    cuts = heads(real_faces, 2 * size)
    for i, cut in enumerate(cuts):
        y, x = 90 + 300 * (i // 3), 70 + 410 * (i % 3)
        canvas[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    wanted = [(r.box.left + r.box.right) / 2 for r in ours(canvas, 1)]
    assert len(engine.detect(canvas)) == len(wanted) == len(cuts)


@pytest.mark.parametrize("longest", [1500, 2000, 2560, 3200])
def test_images_above_the_detection_side_are_searched_at_twice_that_side(
    engine: DeepFaceEngine, real_faces: Path, longest: int
) -> None:
    """Without losing what they show to a reduction first."""
    canvas = np.full((longest * 3 // 4, longest, 3), 120, np.uint8)
    size = round(75 * max(longest / 2560, 0.5))
    cuts = heads(real_faces, 2 * size)
    for i, cut in enumerate(cuts):
        canvas[200 : 200 + 2 * size, 60 + i * 220 : 60 + i * 220 + 2 * size] = cut
    found = engine.detect(canvas)
    assert len(found) == len(cuts)
    for i, face in enumerate(found):
        assert abs(face.box.x + face.box.w / 2 - (60 + i * 220 + size)) < size / 2
        assert 0.6 * size < face.box.w < 1.6 * size


def test_detections_carry_the_score_of_dlib(
    engine: DeepFaceEngine, ours: Mmod, faces: Path, settings: Settings
) -> None:
    settings.DETECTION_ENLARGEMENT = 1.0
    image = reduced(load(faces / "obama_and_biden_2.jpg"), 800)
    found = engine.detect(image)
    assert sorted(d.score for d in found) == sorted(r.score for r in ours(image))
    assert all(0.9 < d.confidence < 1 < d.score for d in found)


def test_the_enlargement_follows_the_setting(files: None, real_faces: Path, settings: Settings) -> None:
    detector = MmodDetector()
    image = reduced(load(real_faces / "obama_and_biden_2.jpg"), 150)  # faces of 22 and 18 pixels
    counts = []
    for settings.DETECTION_ENLARGEMENT in (1.0, 1.75, 4.0):
        counts.append(len(find_faces(detector, image, side=settings.DETECTION_SIDE)))
    assert counts == [0, 0, 2]


def test_memory_is_given_back_between_images_of_different_sizes(files: None, faces: Path) -> None:
    code = f"""
import django
django.setup()
import cv2
from pathlib import Path
from bench.engine import load
from vision.engines.onnx.engine import OnnxEngine
engine = OnnxEngine(recogniser="Dlib", detector="mmod")
engine.load()
def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
photo = load(Path({str(faces / "obama_and_biden.jpg")!r}))
engine.embed(photo, engine.detect(photo))
small = memory("VmRSS")
large = cv2.resize(photo, (4000, 3000))
engine.embed(large, engine.detect(large))
peak = memory("VmHWM")  # of this program; getrusage counts what forked it
del large
for side in (300, 3000, 700, 2200, 1100):
    engine.detect(cv2.resize(photo, (side, side)))
print([peak, memory("VmRSS") - small])
"""
    peak, kept = json.loads(child(code))
    assert peak < 700 and kept < 100


def test_a_box_reaches_the_image_by_the_factor_it_was_enlarged() -> None:
    detector = MmodDetector.__new__(MmodDetector)
    found = detector._read(ScoredBox(Box.from_edges(30, 60, 89, 119), 1.05), 1.5)
    assert found.box == Box(20, 40, 40, 40) and found.score == 1.05 and 0.98 < found.confidence < 1
