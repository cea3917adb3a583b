"""`manage.py fit_rates <folder>`: the tables of false match rates of the native spaces and Dlib's."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from calibration.services import read_tables, store_table
from errors import FaceAppError
from evaluation import projection
from evaluation.fitted_rates import content_of, metrics_of, strangers_of, vectors_of
from evaluation.projection import Described
from vision.engines.onnx import fitted as stored
from vision.engines.spaces import DLIB, NATIVE

CHECKED = (1e-2, 1e-3, 1e-4)  # the rates of the similarities 0.5, 0.6 and 0.7


class Command(BaseCommand):
    help = (
        "Counts how far apart the faces of different people lie in each native space and in Dlib's, on a folder with"
        " people/<person>/* and strangers/*, and prints what each half of the people says about the other. Faces that"
        " cannot be recognised do not count: nothing is decided about them. The engine runs in this process."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--write", action="store_true", help="write the tables that decisions are made by")

    def handle(self, *, folder: Path, write: bool, **_: Any) -> None:
        count = len([*folder.glob("people/*/*"), *folder.glob("strangers/*")])
        if not count:
            raise CommandError(f"{folder} has no photographs in people/<person>/ and strangers/.")
        try:
            with tqdm(total=count, unit="image", disable=None) as bar:
                found = projection.describe(folder, bar.update)
        except FaceAppError as error:
            raise CommandError(error.message) from error
        usable = found.recognisable()
        self.stdout.write(f"{count} photographs, {len(usable.people)} with a face that can be recognised")
        for model in (*NATIVE, DLIB):
            self.cross_check(model, usable)
            if write:
                content = content_of(model, usable, stored.projection())
                store_table(name=model, text=as_text(content))

    def cross_check(self, model: str, found: Described) -> None:
        """Print which share of one half's pairs lies within the distances to which the other half gives a rate."""
        first, second = found.halves()
        for fitted, other in ((first, second), (second, first)):
            matrix = projection.fit(fitted.both)
            for metric, table in read_tables(content_of(model, fitted, matrix), model).items():
                if metric in metrics_of(model):
                    strangers = strangers_of(vectors_of(model, other, matrix), other.people, metric=metric)
                    shares = [(rate, strangers.within(table.distance(rate))) for rate in CHECKED]
                    shown = (f"{rate:g} is {s.value:.3g} ({s.low:.3g} to {s.high:.3g})" for rate, s in shares)
                    self.stdout.write(f"{model}, {metric}: {'; '.join(shown)}")


def as_text(content: dict[str, Any]) -> str:
    """JSON with one row to a line."""
    head = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in content.items() if name != "metrics"]
    tables = [
        f"    {json.dumps(metric)}: [\n" + ",\n".join(f"      {json.dumps(row)}" for row in rows) + "\n    ]"
        for metric, rows in content["metrics"].items()
    ]
    return "\n".join(["{", *head, '  "metrics": {', ",\n".join(tables), "  }", "}", ""])
