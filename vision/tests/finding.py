"""Faces of photographs by YuNet on real weights, without an engine."""

from __future__ import annotations

from functools import lru_cache

from vision.engines import runtime, weights
from vision.engines.onnx.detection import find_faces
from vision.engines.onnx.yunet import YuNet, detector_graph
from vision.tests.shared_weights import put_in_place
from vision.types import Detection, Image


def largest_face(image: Image) -> list[Detection]:
    """The largest face of an RGB image, or none."""
    found = find_faces(lambda copy, least: _yunet()(copy, threshold=least), image, side=1280)
    return sorted(found, key=lambda face: face.box.area)[-1:]


@lru_cache(maxsize=1)
def _yunet() -> YuNet:
    put_in_place([weights.LIBFACEDETECTION])
    return YuNet(runtime.open_session(detector_graph(weights.LIBFACEDETECTION.path.read_bytes())))
