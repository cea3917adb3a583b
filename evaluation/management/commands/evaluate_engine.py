"""`manage.py evaluate_engine <folder>`: the figures of docs/accuracy.md, of the default engine and of Dlib."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from calibration.exceptions import DamagedTable
from environment import read_regular
from environment.terminal import printable
from errors import FaceAppError
from evaluation import plots, projection, recognition_rates, split_rates
from evaluation.attack_rates import exact_estimate
from evaluation.projection import FALSE_MATCH_RATES, Described
from evaluation.rates import Estimate
from evaluation.recognition_rates import COMPARED, Column
from evaluation.split_rates import ListRates, SmallFaces
from vision import images
from vision.antispoof.samples import files_of
from vision.engines.onnx.engine import OnnxEngine

GROUP_RATES = (1e-3, 1e-4)  # over all pairs of lfw, at whose thresholds the groups are compared
DECIDING = COMPARED[:2]  # in the metric by which each space decides
LISTS = (100, 300, 1_000, 10_000)  # people
FACE_WIDTHS = (16, 20, 24, 28, 36)  # pixels


class Command(BaseCommand):
    help = (
        "Measures the default engine and Dlib on a folder with lfw/people/<person>/*, lfw/strangers/*,"
        " groups/<group>/* (one photograph of each person) and nonface/*; the last two may be missing. The engines run"
        " in this process."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the curves of the lists")

    def handle(self, *, folder: Path, plot: Path | None, **_: Any) -> None:
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
            self.show_acceptance(whole)
            for rate in GROUP_RATES if groups else ():
                self.show_groups(whole, groups, rate)
            self.show_lists_and_sizes(whole, files, plot)
        except FaceAppError as error:
            raise CommandError(error.message) from error
        for line in boxes:
            self.stdout.write(line)

    def describe(self, name: str, files: Sequence[tuple[Path, str]], face_width: int | None = None) -> Described:
        with tqdm(total=len(files), unit="image", desc=printable(name), disable=None) as bar:
            found = projection.describe_files(files, bar.update, face_width=face_width)
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

    def show_lists_and_sizes(self, whole: Described, files: Sequence[tuple[Path, str]], plot: Path | None) -> None:
        """What each half of the people says about searches and small faces of the other."""
        try:
            lists = [(c, one) for c in DECIDING for one in split_rates.list_rates(whole, c, LISTS)]
        except DamagedTable:
            self.stdout.write("There are too few people for lists and small faces.")
            return
        heads = ["", "list", "thresholds of the halves", "people searched", "FPIR", "FNIR", "right person first",
                 "FNIR at the delivered threshold"]  # fmt: skip
        self.show_table(heads, [list_row(column, found) for column, found in lists])
        if plot:
            measured = [(model, one.rates) for (model, _), one in lists if not one.rates.is_extrapolated]
            plots.draw_searches(plot, {f"{model}, list of {rates.people:,}": rates for model, rates in measured})
        sizes: list[list[str]] = []
        for width in FACE_WIDTHS:
            small = self.describe(f"{width} pixels", files, width)
            sizes += [size_row(width, c, split_rates.small_faces(whole, small, c)) for c in DECIDING]
        self.show_table(["width of the face", "", "not found or recognisable", "FNMR", "FMR per million"], sizes)

    def show_groups(self, whole: Described, groups: dict[str, Described], rate: float) -> None:
        """FMR within each group at the threshold that has this rate over lfw."""
        thresholds = recognition_rates.thresholds_at(recognition_rates.pairs_of(whole), rate)
        rows = []
        for name, group in groups.items():
            found = recognition_rates.within_group(group, thresholds)
            shown = (fmr.percent if (fmr := found.fmr[column]) else "-" for column in COMPARED)
            rows.append([printable(name), f"{found.photographs}", f"{found.pairs}", *shown])
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
            for face in engine.detect(images.decode(read_regular(file))):
                box = face.box
                lines.append(
                    f"{printable(file.name)}: {box.w} x {box.h} at {box.x}, {box.y}, score {face.confidence:.2f}"
                )
        return [f"Boxes on {len(files)} pictures that are not of people: {len(lines)}", *lines] if files else []


def heading(figure: str, column: Column) -> str:
    return f"{figure}, {', '.join(column)}"


def list_row(column: Column, found: ListRates) -> list[str]:
    rates = found.rates
    thresholds = ", ".join(f"{threshold:.3f}" for threshold in found.thresholds)
    shown = [rate.percent for rate in (rates.fpir, rates.fnir, rates.rank_1)]
    delivered = f"{found.fnir.percent} at {found.delivered:.3f}"
    return [", ".join(column), f"{rates.people:,}", thresholds, f"{rates.enrolled}", *shown, delivered]


def size_row(width: int, column: Column, found: SmallFaces) -> list[str]:
    fnmr = found.fnmr.percent if found.fnmr else "-"
    fmr = per_million(found.fmr) if found.fmr else "-"
    return [f"{width}", ", ".join(column), f"{found.missed} of {found.photographs}", fnmr, fmr]


def per_million(rate: Estimate) -> str:
    value, low, high = (f"{1e6 * part:,.0f}" for part in (rate.value, rate.low, rate.high))
    return f"{value} ({low} to {high})"
