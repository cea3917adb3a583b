"""The recognition models by name: dimensions, alignment, weights and thresholds. Imports no model library.

The detector is not part of a space: landmarks are placed again inside any detector's box, so that the aligned chip
hardly depends on it (measured; see docs/engines.md).
"""

from __future__ import annotations

from vision.distances import METRICS
from vision.engines import weights
from vision.engines.model import DLIB_CHIP, FIVE_POINTS, POINTS, Alignment, Model, thresholds_of_unit_length
from vision.engines.networks import described
from vision.engines.onnx import fitted
from vision.engines.weights import WeightFile
from vision.exceptions import UnknownName
from vision.types import Space


def _eyes(width: int, height: int, margin: float = 0.0) -> Alignment:
    return Alignment("eyes", (width, height), margin)


def _released(name: str) -> tuple[WeightFile, ...]:
    return (weights.released(name),)


# Thresholds of Dlib are measured for our alignment (docs/engines.md); the others are those DeepFace publishes for its
# own crops (deepface/config/threshold.py), because their weights could not be measured here.
DLIB = "Dlib"
OF_DEEPFACE: dict[str, Model] = {
    DLIB: Model("dlib-resnet-v1", 128, DLIB_CHIP, (weights.DLIB_RESNET,), (0.0849, 0.6, 0.412, 0.1322), "euclidean"),
    "VGG-Face": Model(
        "vgg-face", 4096, _eyes(224, 224, 0.15), _released("vgg_face_weights.onnx"), (0.68, 1.17, 1.17, 0.39)
    ),
    "Facenet": Model(
        "facenet128", 128, _eyes(160, 160, 0.15), _released("facenet_weights.onnx"), (0.40, 10, 0.80, 0.33)
    ),
    "Facenet512": Model(
        "facenet512", 512, _eyes(160, 160, 0.15), _released("facenet512_weights.onnx"), (0.30, 23.56, 1.04, 0.35)
    ),
    "OpenFace": Model("openface", 128, _eyes(96, 96), _released("openface_weights.onnx"), (0.10, 0.55, 0.55, 0.11)),
    "DeepFace": Model(
        "fb-deepface",
        4096,
        _eyes(152, 152),
        _released("VGGFace2_DeepFace_weights_val-0.9034.onnx"),
        (0.23, 64, 0.64, 0.12),
    ),
    "DeepID": Model("deepid", 160, _eyes(47, 55), _released("deepid_weights.onnx"), (0.015, 45, 0.17, 0.04)),
    "ArcFace": Model("arcface", 512, FIVE_POINTS, _released("arcface_weights.onnx"), (0.68, 4.15, 1.13, 0.39)),
    "SFace": Model(
        "sface",
        128,
        FIVE_POINTS,
        (
            WeightFile(
                "face_recognition_sface_2021dec.onnx",
                (weights.OPENCV_ZOO + "face_recognition_sface/face_recognition_sface_2021dec.onnx",),
            ),
        ),
        (0.593, 10.734, 1.055, 0.36),
    ),
    "GhostFaceNet": Model(
        "ghostfacenet", 512, FIVE_POINTS, _released("ghostfacenet_v1.onnx"), (0.65, 35.71, 1.10, 0.38)
    ),
    "Buffalo_L": Model(
        "buffalo-l",
        512,
        FIVE_POINTS,
        (WeightFile("buffalo_l/webface_r50.onnx", (weights.DRIVE + "1N0GL-8ehw_bz2eZQWz2b0A5XBdXdxZhg",)),),
        (0.55, 0.6, 1.1, 0.45),
    ),
}


def _native(name: str, dimensions: int, files: tuple[WeightFile, ...], label: str) -> Model:
    return Model(name, dimensions, POINTS, files, thresholds_of_unit_length(fitted.thresholds()[name]), label=label)


_FR, _MOBILE = weights.FR_FEATURE, weights.MOBILEFACENET
# Thresholds are those of a false match rate of 1e-4 (docs/engines.md), written by `manage.py fit_projection`.
NATIVE: dict[str, Model] = {
    "pair128": _native(
        "pair128", 128, (_FR, _MOBILE), f"{_FR.sha256[:8]}.{_MOBILE.sha256[:8]}.{fitted.projection_digest()[:8]}"
    ),
    "fr512": _native("fr512", 512, (_FR,), _FR.sha256[:8]),
    "mobilefacenet192": _native("mobilefacenet192", 192, (_FR, _MOBILE), _MOBILE.sha256[:8]),
}
MODELS: dict[str, Model] = NATIVE | OF_DEEPFACE


def known_models() -> dict[str, Model]:
    """Ours, DeepFace's, and those that this deployment describes, by name. Raises `NetworkError`."""
    return {name: network.model for name, network in described.networks().items()} | MODELS


def model_named(name: str) -> Model:
    """The model called `name`. Raises `UnknownName` or `NetworkError`."""
    if name in MODELS:
        return MODELS[name]
    if network := described.network_called(name):
        return network.model
    raise UnknownName(f"There is no model {name!r}. Known: {', '.join(known_models())}.", code="engine.unknown")


def space_of(name: str, model: Model | None = None) -> Space:
    """The space of the model called `name`: its name holds model, weights and alignment.

    `model` describes one that is known by no name, that of a back end of one's own.
    """
    model = model or model_named(name)
    label = f"{model.slug}.{model.weights_label}.{model.alignment.label}"
    return Space(label, name, model.dimensions, model.metric, dict(zip(METRICS, model.thresholds, strict=True)))
