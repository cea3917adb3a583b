"""What this deployment uses: models, detectors and their files. Loads nothing."""

from __future__ import annotations

from django.conf import settings

from vision.engines import attributes, dlib_native, engines, pose
from vision.engines import liveness as passive
from vision.engines.cards import Card, Kind, known_cards
from vision.engines.detectors import detector_named
from vision.engines.onnx import quality_network
from vision.engines.weights import WeightFile

NAMED = {Kind.DETECTOR, Kind.RECOGNISER}  # chosen by name; the others are used where their files are needed

OF_PIPELINE = {"mmod", "dlib", "Dlib"}  # what dlib's own pipeline uses


def enabled_files() -> tuple[WeightFile, ...]:
    """What the engines, the extra detectors and dlib's own pipeline cannot do without."""
    built = [engines[alias] for alias in engines.aliases()]
    own = [file for engine in built for file in engine.files()]
    extra = [file for name in settings.FACE_DETECTORS for file in detector_named(name).files]
    pipeline = dlib_native.files(points=68 if settings.NEXTCLOUD_68_POINTS else 5)
    return tuple(dict.fromkeys((*own, *extra, *pipeline, *attributes.files())))


def enabled_cards(*, pipeline: bool = True) -> list[Card]:
    """The cards of everything in use, liveness and recognisability included; dlib's own pipeline, which is always
    there, if wanted.
    """
    files = {*enabled_files(), *passive.files(), *pose.files(), *(quality := quality_network.files())}
    names = {*settings.FACE_DETECTORS, *(OF_PIPELINE if pipeline else ()), *([quality_network.NAME] if quality else ())}
    for alias in engines.aliases():
        names |= {engines[alias].space.model, engines[alias].detector}
    return [
        card
        for card in known_cards()
        if (card.name in names if card.kind in NAMED else card.files and set(card.files) <= files)
    ]


def without_card() -> list[str]:
    """Models of engines that have no card, such as those of a deployment's own back end."""
    known = {card.name for card in known_cards()}
    return [engines[alias].space.model for alias in engines.aliases() if engines[alias].space.model not in known]
