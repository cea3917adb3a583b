"""Puts the weights of every enabled engine and detector in place. Nothing else downloads."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from vision.engines import licences, pose, weights
from vision.engines import liveness as passive
from vision.engines.cards import Card, Kind, known_cards
from vision.engines.downloads import Fetcher, FetchError, exclusive, in_place
from vision.engines.enabled import enabled_files
from vision.engines.onnx import quality_network
from vision.engines.weights import WeightFile


class Command(BaseCommand):
    help = "Fetches model weights: for what the settings enable, or only for what is named here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", action="append", default=[], help="a model by name, such as ArcFace")
        parser.add_argument("--detector", action="append", default=[], help="a face detector, such as yunet")
        parser.add_argument("--liveness", action="store_true", help="the networks of liveness checks")
        parser.add_argument("--from", dest="source", type=Path, metavar="FOLDER", help=(
            "take the files, or the archives that contain them, from this folder and download nothing"
        ))  # fmt: skip

    def handle(
        self, *, model: list[str], detector: list[str], liveness: bool, source: Path | None = None, **_: Any
    ) -> None:
        if source and not source.is_dir():
            raise CommandError(f"{source} is not a folder.")
        named = bool(model or detector or liveness)
        required = files_of(model, detector) if named else enabled_files()
        if liveness:
            required += liveness_files()
        try:
            self.fetch_all(required, optional={} if named else optional_files(), source=source)
        except OSError as error:
            raise CommandError(f"{weights.folder()} cannot be written: {error.strerror}.") from error

    def fetch_all(
        self,
        required: Iterable[WeightFile],
        *,
        optional: Mapping[str, Iterable[WeightFile]],
        source: Path | None = None,
    ) -> None:
        """Fetch what is not in place, and fail at the end for what is required and could not be had.

        `optional`: files by what is said where one of them could not be had.
        """
        wanted = [file for file in dict.fromkeys(required) if not in_place(file)]
        extra = {
            file: loss
            for loss, files in optional.items()
            for file in files
            if file not in wanted and not in_place(file)
        }
        if not wanted and not extra:
            return
        with exclusive(), Fetcher(self.stdout.write, source=source) as fetcher:
            failures = [message for file in wanted if (message := self.fetch(fetcher, file))]
            for file, loss in extra.items():
                if message := self.fetch(fetcher, file):
                    self.stderr.write(self.style.WARNING(f"{loss}: {message}"))
        if failures:
            raise CommandError("\n".join(failures))

    def fetch(self, fetcher: Fetcher, file: WeightFile) -> str:
        """Why the file could not be put in place; empty when it is there."""
        try:
            fetcher.fetch(file)
        except FetchError as error:
            return str(error)
        return ""


def optional_files() -> dict[str, tuple[WeightFile, ...]]:
    """What the enabled engines use and can do without, by what is said where it could not be had."""
    return {
        "Liveness checks are incomplete": liveness_files(),
        "Recognisability is not assessed": quality_network.files(),
    }


def liveness_files() -> tuple[WeightFile, ...]:
    """What liveness checks use and can do without."""
    return (*passive.files(), *pose.files())


def files_of(models: Iterable[str], detectors: Iterable[str]) -> tuple[WeightFile, ...]:
    """What these models and detectors need. Raises `CommandError` for names that are unknown or not permitted."""
    cards = [named(name, others=True) for name in models]
    cards += [named(name) for name in detectors]
    if refused := [card for card in cards if not licences.is_permitted(card)]:
        raise CommandError("\n".join(licences.refusal(card) for card in refused))
    return tuple(file for card in cards for file in (*card.files, *card.helpers))


def named(name: str, *, others: bool = False) -> Card:
    """The card of the detector of this name or, for `others`, of the model that is no detector.

    Where DeepFace has a detector of the same name as ours, ours is meant.
    """
    known = [card for card in known_cards() if (card.kind is not Kind.DETECTOR) == others]
    found = [card for card in known if card.name == name]
    if not found:
        kind = "model" if others else "detector"
        raise CommandError(f"There is no {kind} {name!r}. Known: {', '.join(dict.fromkeys(c.name for c in known))}.")
    return found[0]
