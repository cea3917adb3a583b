"""Our way to dlib's own numbers against dlib called as its examples show it, on files that dlib reads itself.

Who moves here from a program that calls dlib keeps its stored descriptors, so nothing may differ.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import pytest
from PIL import Image as Pillow

from recognition.tests.photographs import reduced
from vision import images
from vision.engines import dlib_native, weights
from vision.engines.dlib_native import NativeDlibPipeline
from vision.engines.downloads import Fetcher
from vision.raw_faces import RawFaceOptions, run_pipeline
from vision.types import Box

pytestmark = pytest.mark.models

PHOTOGRAPHS = [
    "alex_1.jpg", "alex_3.png", "biden_1.jpg", "biden_2.jpg", "kit_1.jpg", "kit_and_rose.jpg", "lin_1.png",
    "obama_1.jpg", "obama_240p.jpg", "obama_4.jpg", "obama_and_biden.jpg", "obama_and_biden_2.jpg",
    "obama_partial.jpg", "rose_1.jpg",
]  # fmt: skip
MMOD_PIXELS = 120_000  # dlib's own network takes seconds for a megapixel

Face = tuple[Box, float, list[tuple[int, int]], list[float]]


class PlainDlib:
    """The calls of dlib's examples `face_recognition.py` and `cnn_face_detector.py`."""

    def __init__(self) -> None:
        self.hog = dlib.get_frontal_face_detector()
        self.cnn = dlib.cnn_face_detection_model_v1(str(weights.DLIB_MMOD.path))
        self.predictors = {
            points: dlib.shape_predictor(str(file.path)) for points, file in dlib_native.PREDICTOR_FILES.items()
        }
        self.network = dlib.face_recognition_model_v1(str(weights.DLIB_RESNET.path))

    def faces(self, path: Path, *, detector: str, points: int, upsample: int) -> list[Face]:
        image = dlib.load_rgb_image(str(path))
        if detector == "hog":
            rectangles, scores, _ = self.hog.run(image, upsample)
            found = list(zip(rectangles, scores, strict=True))
        else:
            found = [(one.rect, one.confidence) for one in self.cnn(image, upsample)]
        return [self.face(image, rectangle, score, points) for rectangle, score in found]

    def face(self, image: Any, rectangle: Any, score: float, points: int) -> Face:
        shape = self.predictors[points](image, rectangle)
        descriptor = list(self.network.compute_face_descriptor(image, shape))
        sides = Box.from_edges(rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom())
        return sides, score, [(part.x, part.y) for part in shape.parts()], descriptor


@pytest.fixture(scope="module")
def plain() -> PlainDlib:
    fetcher = Fetcher(lambda line: None)
    for file in {*dlib_native.files(points=5), *dlib_native.files(points=68)}:
        fetcher.fetch(file)
    return PlainDlib()


@pytest.fixture
def real(plain: PlainDlib, monkeypatch: pytest.MonkeyPatch) -> NativeDlibPipeline:
    pipeline = NativeDlibPipeline()
    monkeypatch.setattr("vision.raw_faces.dlib_pipeline", lambda: pipeline)
    return pipeline


def assert_equal(path: Path, options: RawFaceOptions, expected: list[Face]) -> None:
    found = run_pipeline(path.read_bytes(), options=options)
    assert [(face.box, face.landmarks) for face in found] == [(face[0], face[2]) for face in expected]
    for face, (_, score, _, descriptor) in zip(found, expected, strict=True):
        assert face.score == pytest.approx(score, abs=1e-4)
        assert np.abs(np.subtract(face.descriptor, descriptor)).max() < 1e-5


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_hog_faces_are_dlibs_own(
    plain: PlainDlib, real: NativeDlibPipeline, faces: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(reduced(faces / name))
    expected = plain.faces(tmp_path / name, detector="hog", points=5, upsample=1)
    assert expected
    assert_equal(tmp_path / name, RawFaceOptions(detector="hog", upsample=1), expected)


@pytest.mark.parametrize(("name", "points"), [("obama_and_biden_2.jpg", 5), ("obama_2.jpg", 68), ("alex_1.jpg", 5)])
def test_mmod_faces_are_dlibs_own(
    plain: PlainDlib, real: NativeDlibPipeline, real_faces: Path, tmp_path: Path, name: str, points: int
) -> None:
    path = tmp_path / "small.png"
    with Pillow.open(real_faces / name) as picture:
        scale = (MMOD_PIXELS / (picture.width * picture.height)) ** 0.5
        picture.convert("RGB").resize((round(picture.width * scale), round(picture.height * scale))).save(path)
    expected = plain.faces(path, detector="mmod", points=points, upsample=0)
    assert expected
    assert_equal(path, RawFaceOptions(detector="mmod", points=points), expected)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_jpeg_files_are_decoded_as_dlib_does(
    plain: PlainDlib, real: NativeDlibPipeline, faces: Path, tmp_path: Path, subsampling: str
) -> None:
    path = tmp_path / "x.jpg"
    with Pillow.open(io.BytesIO(reduced(faces / "alex_1.jpg"))) as picture:
        picture.save(path, quality=75, subsampling=subsampling)
    assert (real.read(path.read_bytes()) == dlib.load_rgb_image(str(path))).all()
    expected = plain.faces(path, detector="hog", points=5, upsample=1)
    assert_equal(path, RawFaceOptions(detector="hog", upsample=1), expected)


@pytest.mark.parametrize("options", [{"exif": 6}, {"exif": 3}, {"mode": "CMYK"}])
def test_jpeg_files_that_dlib_misreads_are_decoded_by_us(real: NativeDlibPipeline, faces: Path, options: Any) -> None:
    """It turns nothing upright and takes the fourth colour for transparency."""
    exif = Pillow.Exif()
    exif[0x0112] = options.get("exif", 1)
    buffer = io.BytesIO()
    with Pillow.open(faces / "alex_1.jpg") as picture:
        picture.convert(options.get("mode", "RGB")).save(buffer, "JPEG", exif=exif)
    assert (real.read(buffer.getvalue()) == images.decode(buffer.getvalue())).all()


def test_rectangle_that_was_given_is_described_as_one_that_was_found(real: NativeDlibPipeline, faces: Path) -> None:
    data = (faces / "obama_1.jpg").read_bytes()
    [found] = run_pipeline(data, options=RawFaceOptions(detector="hog", upsample=1))
    [given] = run_pipeline(data, options=RawFaceOptions(), box=found.box)
    assert (given.score, given.landmarks, given.descriptor) == (None, found.landmarks, found.descriptor)


@pytest.mark.parametrize("size", [(1, 1), (19, 400), (400, 19), (20, 20), (79, 79), (30, 900)])
def test_tiny_and_narrow_images_have_no_faces(real: NativeDlibPipeline, size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 120, np.uint8)
    assert [real.detect(image, detector=name, upsample=0) for name in ("hog", "mmod")] == [[], []]


def test_faces_that_one_detector_finds_are_checked_by_the_other(real: NativeDlibPipeline, faces: Path) -> None:
    data = (faces / "obama_240p.jpg").read_bytes()
    [face] = run_pipeline(data, options=RawFaceOptions(detector="hog", upsample=1, checked_by="hog"))
    assert face.confirmed
    buffer = io.BytesIO()
    with Pillow.open(faces / "obama_240p.jpg") as picture:
        picture.resize((round(picture.width * 0.75), round(picture.height * 0.75))).save(buffer, "PNG")
    small = run_pipeline(
        buffer.getvalue(), options=RawFaceOptions(detector="hog", upsample=1, checked_by="hog", check_upsample=0)
    )
    assert [face.confirmed for face in small] == [False]


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (Box.from_edges(0, 0, 10, 10), 1.0),
        (Box.from_edges(5, 0, 15, 10), 50 / 150),
        (Box.from_edges(2, 2, 8, 8), 0.36),
        (Box.from_edges(10, 0, 20, 10), 0.0),
        (Box.from_edges(50, 50, 60, 60), 0.0),
        (Box.from_edges(3, 3, 3, 3), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(other: Box, share: float) -> None:
    box = Box.from_edges(0, 0, 10, 10)
    assert box.overlap(other) == other.overlap(box) == pytest.approx(share)
