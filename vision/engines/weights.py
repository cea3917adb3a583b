"""Which weight files exist, where they come from and where they lie. Imports no model library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from vision.exceptions import EngineUnavailable

RELEASES = "https://github.com/serengil/deepface_models/releases/download/v1.0/"
MIRROR = "https://huggingface.co/serengil/deepface/resolve/main/"
OPENCV_ZOO = "https://github.com/opencv/opencv_zoo/raw/main/models/"
DRIVE = "https://drive.google.com/uc?export=download&confirm=pbef&id="


@dataclass(frozen=True)
class WeightFile:
    """One file below `folder()`. `urls` are tried in order; `package` is an installed package that carries the file."""

    name: str
    urls: tuple[str, ...] = ()
    sha256: str = ""  # empty: the publisher's file is not pinned here
    package: str = ""

    @property
    def path(self) -> Path:
        return folder() / self.name


def folder() -> Path:
    """Where DeepFace looks for weights when DEEPFACE_HOME is MODELS_DIR."""
    return Path(settings.MODELS_DIR) / ".deepface" / "weights"


def _dlib(name: str, sha256: str) -> WeightFile:
    return WeightFile(name, sha256=sha256, package="face_recognition_models")


def released(name: str) -> WeightFile:
    return WeightFile(name, (RELEASES + name, MIRROR + name))


DLIB_RESNET = _dlib(
    "dlib_face_recognition_resnet_model_v1.dat", "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
)
DLIB_MMOD = _dlib("mmod_human_face_detector.dat", "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6")
DLIB_5_POINTS = _dlib(
    "shape_predictor_5_face_landmarks.dat", "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
)
DLIB_68_POINTS = _dlib(
    "shape_predictor_68_face_landmarks.dat", "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
)
FASNET = (released("2.7_80x80_MiniFASNetV2.onnx"), released("4_0_0_80x80_MiniFASNetV1SE.onnx"))


def missing(files: Iterable[WeightFile]) -> list[str]:
    """Names of the files that are not in place."""
    return [file.name for file in files if not file.path.is_file()]


def require(files: Iterable[WeightFile]) -> None:
    """Raise `EngineUnavailable` (code `engine.weights_missing`) unless every file is in place."""
    if names := missing(files):
        message = f"Model weights are missing: {', '.join(names)}. Run `python manage.py fetch_models`."
        raise EngineUnavailable(message, code="engine.weights_missing")


def verify(files: Iterable[WeightFile]) -> None:
    """`require`, and every pinned hash fits, so that a space's name tells the truth (code `engine.weights_broken`)."""
    files = tuple(files)
    require(files)
    if broken := [file.name for file in files if file.sha256 and digest(file.path) != file.sha256]:
        message = f"Model weights are damaged: {', '.join(broken)}. Run `python manage.py fetch_models`."
        raise EngineUnavailable(message, code="engine.weights_broken")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
