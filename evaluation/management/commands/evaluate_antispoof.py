"""`manage.py evaluate_antispoof`: error rates of the passive score on your own living faces and attacks."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from environment.terminal import printable
from errors import FaceAppError
from evaluation.attack_rates import AttackRates, attack_rates
from vision import images
from vision.antispoof.samples import FAKE, LIVE, files_of
from vision.engines import DEFAULT, engines
from vision.exceptions import InvalidImage

THRESHOLDS = (0.5, 0.7, 0.8, 0.9)  # of the fake probability


class Command(BaseCommand):
    help = "Measure the passive score in use on photographs of living and of presented faces."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("real", type=Path, help="photographs of living faces")
        parser.add_argument("fake", type=Path, help="photographs of prints, screens and masks")
        parser.add_argument("--threshold", type=float, action="append", default=[], help="of the fake probability")
        parser.add_argument("--output", type=Path, metavar="FILE", help="write the fake probabilities as JSON")

    def handle(self, *, real: Path, fake: Path, threshold: list[float], output: Path | None, **_: Any) -> None:
        if not all(0 < value <= 1 for value in threshold):
            raise CommandError("A threshold lies between 0 and 1.")
        try:
            engines[DEFAULT].load()
            found = {label: self.score(folder) for folder, label in ((real, LIVE), (fake, FAKE))}
        except FaceAppError as error:
            raise CommandError(error.message) from error
        if not all(found.values()):
            raise CommandError("Both folders must contain photographs with faces.")
        labels = np.repeat(list(found), [len(scores) for scores in found.values()])
        rates = attack_rates(np.concatenate(list(found.values())), labels)
        self.report(rates, sorted({*THRESHOLDS, settings.ANTISPOOF_THRESHOLD, *threshold}))
        if output:
            write(output, living=found[LIVE], attacks=found[FAKE])

    def score(self, folder: Path) -> list[float]:
        """The fake probability of the largest face of each file."""
        engine, scores = engines[DEFAULT], []
        files = files_of(folder)
        for file in tqdm(files, unit="image", desc=printable(folder.name), disable=None):
            try:
                image = images.decode(file.read_bytes())
            except (InvalidImage, OSError):
                continue
            largest = sorted(engine.detect(image), key=lambda found: found.box.area)[-1:]
            live = engine.liveness(image, largest)
            if None in live:
                raise CommandError("There are no passive scores here. Run `python manage.py fetch_models --liveness`.")
            scores += [1 - value for value in live if value is not None]
        self.stdout.write(f"{printable(folder.name)}: {len(scores)} faces in {len(files)} files.")
        return scores

    def report(self, rates: AttackRates, thresholds: list[float]) -> None:
        self.stdout.write("| threshold | APCER (attacks that pass) | BPCER (living faces refused) |")
        self.stdout.write("| --- | --- | --- |")
        for threshold in thresholds:
            apcer, bpcer = rates.estimates(threshold)
            self.stdout.write(f"| {threshold:g} | {apcer.percent} | {bpcer.percent} |")
        self.stdout.write("In brackets: exact 95 % intervals. Files without a face are not counted.")


def write(file: Path, *, living: list[float], attacks: list[float]) -> None:
    """The fake probabilities as JSON."""
    file.write_text(json.dumps({"living": living, "attacks": attacks}, indent=1) + "\n", encoding="utf-8")
