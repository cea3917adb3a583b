"""`manage.py fit_projection <folder>`: what the native engine has fitted on labelled photographs."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from errors import FaceAppError
from evaluation import projection
from evaluation.projection import FALSE_MATCH_RATES, Described, Rates
from vision.engines.cards import MEASURED, measured
from vision.engines.onnx.fitted import FITTED, PROJECTION


class Command(BaseCommand):
    help = (
        "Fits the projection of pair128, the thresholds of the native recognisers (false match rate 1e-4) and the"
        " table of recognisability on a folder with people/<person>/* and strangers/*, and prints what each half of"
        " the people says about the other. The engine runs in this process."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--write", action="store_true", help=(
            "write the files of the native engine; a new projection makes a new space, in which nobody is enrolled yet"
        ))  # fmt: skip

    def handle(self, *, folder: Path, write: bool, **_: Any) -> None:
        files = projection.photographs_of(folder)
        if not files:
            raise CommandError(f"{folder} has no photographs in people/<person>/ and strangers/.")
        try:
            with tqdm(total=len(files), unit="image", disable=None) as bar:
                found = projection.describe_files(files, bar.update)
        except FaceAppError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{len(files)} photographs, {len(found.without_face)} without a face")
        halves = self.cross_check(found)
        if write:
            self.write(found, halves)

    def cross_check(self, found: Described) -> list[Rates]:
        """Print what is fitted on half of the people and measured on the other half, both ways."""
        first, second = found.halves()
        halves = []
        for fitted, other in ((first, second), (second, first)):
            rates = projection.measure(projection.project(other.both, projection.fit(fitted.both)), other.people)
            halves.append(rates)
            self.show("pair128, fitted on the other half", rates)
            low = np.quantile(fitted.lengths, 0.05)
            self.stdout.write(f"  lengths below the other half's twentieth: {(other.lengths < low).mean():.3f}")
        for name, vectors in found.vectors.items():
            self.show(name, projection.measure(vectors, found.people))
        return halves

    def show(self, name: str, rates: Rates) -> None:
        parts = [
            f"TAR {accepted:.4f} at FMR {rate:g} (cosine {threshold:.4f})"
            for rate, threshold, accepted in zip(FALSE_MATCH_RATES, rates.thresholds, rates.true_accept, strict=True)
        ]
        self.stdout.write(f"{name}: {'; '.join(parts)}; {rates.genuine:,} and {rates.impostor:,} pairs")

    def write(self, found: Described, halves: list[Rates]) -> None:
        matrix = projection.fit(found.both)
        np.save(PROJECTION, matrix)
        rates = {name: projection.measure(vectors, found.people) for name, vectors in found.vectors.items()}
        whole = projection.measure(projection.project(found.both, matrix), found.people)
        thresholds = {name: round(rate.thresholds[-1], 4) for name, rate in (rates | {"pair128": whole}).items()}
        thresholds.pop("Dlib")  # its threshold is documented, and stays
        FITTED.write_text(_json({"thresholds": thresholds, "lengths": projection.length_table(found.lengths)}))
        accepted = {name: rate.true_accept for name, rate in rates.items()}
        accepted["pair128"] = np.mean([rate.true_accept for rate in halves], axis=0).tolist()
        MEASURED.write_text(_json(measured() | {
            name: {"photographs": len(found.people), "pairs": whole.genuine}
            | {f"tar_at_fmr_{rate:.0e}".replace("e-0", "e-"): round(share, 4)
               for rate, share in zip(FALSE_MATCH_RATES, shares, strict=True)}
            for name, shares in accepted.items()
        }))  # fmt: skip


def _json(value: Any) -> str:
    """Indented, with lists of numbers on one line each."""
    parts = (f"  {json.dumps(key)}: {json.dumps(item)}" for key, item in value.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"
