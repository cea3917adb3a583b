"""`manage.py evaluate_engine <folder>`: the figures of the default engine in docs/engines.md, beside those of Dlib."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from environment.terminal import printable
from errors import FaceAppError
from evaluation import projection, recognition_rates
from evaluation.attack_rates import exact_estimate
from evaluation.projection import FALSE_MATCH_RATES, Described
from evaluation.recognition_rates import COMPARED, Column
from vision import images
from vision.antispoof.samples import files_of
from vision.engines.onnx.engine import OnnxEngine

GROUP_RATE = 1e-3  # over all pairs of lfw, at whose threshold the groups are compared


class Command(BaseCommand):
    help = (
        "Measures the default engine and Dlib on a folder with lfw/people/<person>/*, lfw/strangers/*,"
        " groups/<group>/* (one photograph of each person) and nonface/*; the last two may be missing. The engines run"
        " in this process."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *, folder: Path, **_: Any) -> None:
        files = projection.photographs_of(folder / "lfw")
        if not files:
            raise CommandError(f"{folder} has no photographs in lfw/people/<person>/ and lfw/strangers/.")
        try:
            whole = self.describe("lfw", files)
            groups = {
                group.name: self.describe(group.name, [(file, file.name) for file in files_of(group)])
                for group in sorted((folder / "groups").glob("*/"))
            }
            boxes = self.boxes_of(files_of(folder / "nonface"))
        except FaceAppError as error:
            raise CommandError(error.message) from error
        self.show_acceptance(whole)
        if groups:
            self.show_groups(whole, groups)
        for line in boxes:
            self.stdout.write(line)

    def describe(self, name: str, files: Sequence[tuple[Path, str]]) -> Described:
        with tqdm(total=len(files), unit="image", desc=printable(name), disable=None) as bar:
            found = projection.describe_files(files, bar.update)
        missed = exact_estimate(len(found.without_face), len(files))
        self.stdout.write(f"{printable(name)}: {len(files)} photographs, without a face {missed.percent}")
        return found

    def show_acceptance(self, whole: Described) -> None:
        """TAR on each half of the people, the projection fitted on the other."""
        rows = []
        for rate in FALSE_MATCH_RATES:
            for half in recognition_rates.across_halves(whole, rate):
                pairs = f"{half.genuine:,}, {half.impostor:,}"
                rows.append([f"{rate:g}", pairs, *(half.tar[column].percent for column in COMPARED)])
        self.show_table(["FMR", "pairs of one person, of two", *(heading("TAR", c) for c in COMPARED)], rows)

    def show_groups(self, whole: Described, groups: dict[str, Described]) -> None:
        """FMR within each group at the threshold whose rate over lfw is GROUP_RATE."""
        thresholds = recognition_rates.thresholds_at(recognition_rates.pairs_of(whole), GROUP_RATE)
        rows = []
        for name, group in groups.items():
            found = recognition_rates.within_group(group, thresholds)
            rates = (found.fmr[column].percent for column in COMPARED)
            rows.append([printable(name), f"{found.photographs}", f"{found.pairs}", *rates])
        columns = [f"{heading('FMR', column)} at {thresholds[column]:.4f}" for column in COMPARED]
        self.show_table(["group", "photographs with a face", "pairs", *columns], rows)

    def show_table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        self.stdout.write("")
        for row in (heads, ["---"] * len(heads), *rows):
            self.stdout.write(f"| {' | '.join(row)} |")
        self.stdout.write("In brackets: 95 % intervals, by person.\n")

    def boxes_of(self, files: Sequence[Path]) -> list[str]:
        """What is found on pictures that are not of people, to be looked at one by one."""
        engine, lines = OnnxEngine(), []
        for file in files:
            for face in engine.detect(images.decode(file.read_bytes())):
                box = face.box
                lines.append(
                    f"{printable(file.name)}: {box.w} x {box.h} at {box.x}, {box.y}, score {face.confidence:.2f}"
                )
        return [f"Boxes on {len(files)} pictures that are not of people: {len(lines)}", *lines] if files else []


def heading(figure: str, column: Column) -> str:
    return f"{figure}, {', '.join(column)}"
