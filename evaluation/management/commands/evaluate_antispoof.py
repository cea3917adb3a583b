"""`manage.py evaluate_antispoof`: error rates of the passive score on your own living faces and attacks."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from environment import read_regular
from environment.terminal import printable
from errors import FaceAppError
from evaluation.attack_rates import SpeciesRates, species_rates
from evaluation.exceptions import UnusableSet
from transfer.folders import visible
from vision import images
from vision.antispoof.samples import files_of
from vision.engines import DEFAULT, engines
from vision.exceptions import EngineUnavailable, InvalidImage

THRESHOLDS = (0.5, 0.7, 0.8, 0.9)  # of the fake probability


class Command(BaseCommand):
    help = "Measure the passive score in use on photographs of living and of presented faces."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("real", type=Path, help="photographs of living faces")
        parser.add_argument(
            "fake", type=Path, help="photographs of attacks, each species in a sub-folder: prints, masks"
        )
        parser.add_argument("--threshold", type=float, action="append", default=[], help="of the fake probability")
        parser.add_argument("--output", type=Path, metavar="FILE", help="write the fake probabilities as JSON")

    def handle(self, *, real: Path, fake: Path, threshold: list[float], output: Path | None, **_: Any) -> None:
        if not all(0 < value <= 1 for value in threshold):
            raise CommandError("A threshold lies between 0 and 1.")
        try:
            species = species_in(fake)
            engines[DEFAULT].load()
            living = self.score(real.name, files_in(real))
            attacks = {name: self.score(name, files) for name, files in species.items()}
        except FaceAppError as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        rates = species_rates(np.array(living), {name: np.array(scores) for name, scores in attacks.items()})
        self.report(rates, sorted({*THRESHOLDS, settings.ANTISPOOF_THRESHOLD, *threshold}))
        if output:
            write(output, living=living, attacks=attacks)

    def score(self, name: str, files: Sequence[Path]) -> list[float]:
        """The fake probability of the largest face of each file. Raises `UnusableSet` if there is none."""
        engine, scores = engines[DEFAULT], []
        for file in tqdm(files, unit="image", desc=printable(name), disable=None):
            try:
                image = images.decode(read_regular(file))
            except (InvalidImage, OSError):
                continue
            largest = sorted(engine.detect(image), key=lambda found: found.box.area)[-1:]
            live = engine.liveness(image, largest)
            if None in live:
                message = "There are no passive scores here. Run `python manage.py fetch_models --liveness`."
                raise EngineUnavailable(message, code="engine.weights_missing")
            scores += [1 - value for value in live if value is not None]
        self.stdout.write(f"{printable(name)}: {len(scores)} faces in {len(files)} files.")
        if not scores:
            raise UnusableSet("Both folders, and each species' folder, must contain photographs with faces.")
        return scores

    def report(self, rates: SpeciesRates, thresholds: list[float]) -> None:
        self.stdout.write("| threshold | APCER, worst species | BPCER (living faces refused) |")
        self.stdout.write("| --- | --- | --- |")
        for threshold in thresholds:
            name, apcer = rates.worst(threshold)
            bpcer = rates.bpcer(threshold)
            self.stdout.write(f"| {threshold:g} | {apcer.percent}, {printable(name)} | {bpcer.percent} |")
        at = settings.ANTISPOOF_THRESHOLD
        self.stdout.write(f"\n| species | attacks | APCER (attacks that pass) at {at:g} |\n| --- | --- | --- |")
        for name, found in rates.species.items():
            self.stdout.write(f"| {printable(name)} | {found.attacks} | {found.estimates(at)[0].percent} |")
        self.stdout.write("In brackets: exact 95 % intervals. Files without a face are not counted.")


def species_in(folder: Path) -> dict[str, list[Path]]:
    """The files of each kind of attack by the name of its sub-folder, or of the folder itself. Raises `BadLayout`."""
    species: dict[str, list[Path]] = {}
    for file in files_in(folder):
        inside = file.relative_to(folder)
        species.setdefault(inside.parts[0] if len(inside.parts) > 1 else folder.name, []).append(file)
    return species or {folder.name: []}


def files_in(folder: Path) -> list[Path]:
    """The files of a folder and its sub-folders. Raises `BadLayout` if one of them cannot be read."""
    for path in visible(folder):
        if path.is_dir():
            visible(path)
    return files_of(folder)


def write(file: Path, *, living: Sequence[float], attacks: Mapping[str, Sequence[float]]) -> None:
    """The fake probabilities as JSON, those of attacks by species."""
    file.write_text(json.dumps({"living": living, "attacks": attacks}, indent=1) + "\n", encoding="utf-8")
