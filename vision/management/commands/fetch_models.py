"""Puts the weights of every enabled engine and detector in place. Nothing else downloads."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from vision.engines import dlib_native, engines, weights
from vision.engines.deepface import DeepFaceEngine
from vision.engines.detectors import detector_named
from vision.engines.downloads import Fetcher, FetchError
from vision.engines.weights import WeightFile
from vision.exceptions import UnknownName


class Command(BaseCommand):
    help = "Fetches model weights: for what the settings enable, or only for what is named here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", action="append", default=[], help="a recognition model, such as ArcFace")
        parser.add_argument("--detector", action="append", default=[], help="a face detector, such as yunet")
        parser.add_argument("--liveness", action="store_true", help="the two networks of the liveness score")

    def handle(self, *, model: list[str], detector: list[str], liveness: bool, **_: Any) -> None:
        named = bool(model or detector or liveness)
        required = files_of(model, detector) if named else enabled_files()
        if liveness:
            required += weights.FASNET
        self.fetch_all(dict.fromkeys(required), optional=() if named else weights.FASNET)

    def fetch_all(self, required: Iterable[WeightFile], *, optional: Iterable[WeightFile]) -> None:
        fetcher = Fetcher(self.stdout.write)
        failures = [message for file in required if (message := self.fetch(fetcher, file))]
        for file in optional:
            if message := self.fetch(fetcher, file):
                self.stderr.write(self.style.WARNING(f"Without liveness score: {message}"))
                break
        if failures:
            raise CommandError("\n".join(failures))

    def fetch(self, fetcher: Fetcher, file: WeightFile) -> str:
        """Why the file could not be put in place; empty when it is there."""
        try:
            fetcher.fetch(file)
        except FetchError as error:
            return str(error)
        except OSError as error:
            return f"{file.name} could not be written: {error.strerror}."
        return ""


def enabled_files() -> tuple[WeightFile, ...]:
    """What the engines in FACE_ENGINES and the detectors in FACE_DETECTORS need."""
    built = [engines[alias] for alias in engines.aliases()]
    own = [file for engine in built if isinstance(engine, DeepFaceEngine) for file in engine.files()]
    described = dlib_native.files(points=68 if settings.NEXTCLOUD_68_POINTS else 5)
    return (*own, *files_of([], settings.FACE_DETECTORS), *described)


def files_of(models: Iterable[str], detectors: Iterable[str]) -> tuple[WeightFile, ...]:
    """What these models and detectors need."""
    try:
        found = [file for name in models for file in DeepFaceEngine(model=name).files()]
        found += [file for name in detectors for file in detector_named(name).files]
    except UnknownName as error:
        raise CommandError(error.message) from error
    return (*found, weights.DLIB_5_POINTS)
