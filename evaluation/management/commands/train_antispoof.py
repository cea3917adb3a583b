"""`manage.py train_antispoof`: trains a network on your own living faces and attacks, to replace the one in use."""

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
from evaluation.plots import draw_attack_rates
from vision.antispoof import network, samples
from vision.engines import DEFAULT, engines, runtime

SEED = 7
SAME = 1e-3  # by which probabilities of Keras and ONNX Runtime may differ


class Command(BaseCommand):
    help = "Train a network on photographs of living and of presented faces, and report its error rates on others."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("real", type=Path, help="photographs of living faces; a sub-folder per recording or person")
        parser.add_argument("fake", type=Path, help="photographs of prints, screens and masks, in the same way")
        parser.add_argument("--output", type=Path, help="folder of the results (antispoof under FACEAPP_VAR)")
        parser.add_argument("--epochs", type=int, default=30)
        parser.add_argument("--held-out", type=float, default=0.25, metavar="SHARE", help="share kept for the report")

    def handle(self, *, real: Path, fake: Path, output: Path | None, epochs: int, held_out: float, **_: Any) -> None:
        if epochs < 1 or not 0 < held_out < 1:
            raise CommandError("--epochs is at least 1, and --held-out lies between 0 and 1.")
        target = output or Path(settings.VAR) / "antispoof"
        split = self.split([(real, samples.LIVE), (fake, samples.FAKE)], held_out)
        model = self.train(split, epochs)
        graph = network.to_onnx(model)
        probabilities = 1 - network.predict(model, split.held_out)
        if np.abs(1 - run(graph, split.held_out) - probabilities).max() > SAME:
            raise CommandError("The exported network does not answer as the trained one does.")
        rates = attack_rates(probabilities, split.held_out_labels)
        self.write(target, graph, rates)
        self.report(target, rates)

    def split(self, folders: list[tuple[Path, int]], share: float) -> samples.Split:
        """Every usable face, divided. Files without a face are counted and left out."""
        found: list[samples.Sample] = []
        try:
            engines[DEFAULT].load()
            for folder, label in folders:
                found += self.read(folder, label)
            return samples.split(found, share=share, seed=SEED)
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except ValueError as error:
            raise CommandError(str(error)) from error

    def read(self, folder: Path, label: int) -> list[samples.Sample]:
        files = samples.files_of(folder)
        name = printable(folder.name)
        with tqdm(samples.read(folder, label, files), total=len(files), unit="image", desc=name) as bar:
            results = list(bar)
        usable = [sample for sample in results if sample]
        self.stdout.write(f"{name}: {len(usable)} faces in {len(files)} files.")
        return usable

    def train(self, split: samples.Split, epochs: int) -> Any:
        self.stdout.write(f"Training on {len(split.labels)} faces, {len(split.held_out_labels)} are held out.")
        with tqdm(total=epochs, unit="epoch", desc="Train", disable=None) as bar:

            def tell(epoch: int, loss: float) -> None:
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}")

            return network.train(split, epochs=epochs, seed=SEED, tell=tell)

    def write(self, target: Path, graph: bytes, rates: AttackRates) -> None:
        target.mkdir(parents=True, exist_ok=True)
        (target / "antispoof.onnx").write_bytes(graph)
        draw_attack_rates(target / "antispoof.png", rates, threshold=settings.ANTISPOOF_THRESHOLD)
        apcer, bpcer = rates.at(settings.ANTISPOOF_THRESHOLD)
        numbers = {
            "attacks": rates.attacks,
            "living": rates.living,
            "threshold": settings.ANTISPOOF_THRESHOLD,
            "apcer": apcer,
            "bpcer": bpcer,
            "balanced_threshold": rates.balanced(),
        }
        (target / "antispoof.json").write_text(json.dumps(numbers, indent=1) + "\n")

    def report(self, target: Path, rates: AttackRates) -> None:
        self.stdout.write(f"Held out: {rates.living} living faces, {rates.attacks} attacks.")
        chosen = {"FACEAPP_ANTISPOOF_THRESHOLD": settings.ANTISPOOF_THRESHOLD, "balanced": rates.balanced()}
        for name, threshold in chosen.items():
            apcer, bpcer = rates.at(threshold)
            rates_there = f"APCER {apcer:.1%} (attacks that pass), BPCER {bpcer:.1%} (living faces refused)"
            self.stdout.write(f"At {threshold:.3f} ({name}): {rates_there}.")
        self.stdout.write(
            self.style.SUCCESS(f"Written to {printable(str(target))}: antispoof.onnx, antispoof.json, antispoof.png.")
        )
        self.stdout.write(
            f"To use it: FACEAPP_ANTISPOOF_MODEL={printable(str(target))}/antispoof.onnx, and restart web and workers."
        )


def run(graph: bytes, crops: np.ndarray) -> np.ndarray:
    """Probabilities of living faces by ONNX Runtime."""
    answer: np.ndarray
    (answer,) = runtime.open_session(graph).run(None, {"crops": crops.astype(np.float32)})
    return answer[:, 0]
