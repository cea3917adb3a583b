"""`manage.py evaluate <folder | pairs.csv>`: how well each space tells people apart, on labelled photographs."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from calibration.services import set_calibration
from clients.models import Client
from clients.services import get_client
from environment.terminal import printable
from errors import FaceAppError
from evaluation import plots, services
from evaluation.labelled import LabelledSet, describe_set, read_set
from evaluation.rates import CONFIDENCE, RULE_OF_30, Estimate, RateThreshold
from evaluation.services import SpaceReport
from transfer.reports import describe_refusals, save_refusals
from vision import inference
from vision.engines import engines

RATES = (1e-2, 1e-3, 1e-4)
WIDTH = 100  # columns of the table if the output is not a terminal


class Command(BaseCommand):
    help = (
        "Compare labelled photographs in every enabled space: a folder with one sub-folder per person, which may lie in"
        " folders of groups, or a CSV file with the columns image_1, image_2, same (1 or 0) and perhaps group. Nothing"
        " of them is stored. The workers find and describe the faces, so the service must be running."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("set", type=Path, help="the folder, or the table of pairs")
        parser.add_argument(
            "--space", action="append", metavar="ALIAS", help="this engine's space only; may be repeated (default: all)"
        )
        parser.add_argument(
            "--fmr", type=_rate, default=1e-3, metavar="RATE", help="find the threshold for this (default: %(default)s)"
        )
        parser.add_argument(
            "--gallery", type=_sizes, default=[], metavar="N[,N]",
            help="search lists of so many people (default: the deployment's largest gallery)",
        )  # fmt: skip
        parser.add_argument(
            "--bystanders", choices=["largest", "centre"], help="which of several faces is meant (default: refuse)"
        )
        parser.add_argument("--store-for", metavar="CLIENT", help="store that threshold as this client's calibration")
        parser.add_argument("--json", type=Path, metavar="FILE", help="save every figure and the curves")
        parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw curves and histograms of distances")
        parser.add_argument("--report", type=Path, metavar="FILE.csv", help="save what was refused as a table")

    def handle(self, *args: Any, **options: Any) -> None:
        enabled = engines.aliases()
        aliases = list(dict.fromkeys(options["space"] or enabled))
        if unknown := set(aliases) - set(enabled):
            raise CommandError(f"There is no engine {', '.join(sorted(unknown))}. Enabled: {', '.join(enabled)}.")
        try:
            client = get_client(name=options["store_for"]) if options["store_for"] else None
            labelled = read_set(options["set"])
            reports = self.run(labelled, aliases, options)
        except FaceAppError as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        self.report(labelled, reports, options)
        if client:
            self.store(client, reports)

    def run(self, labelled: LabelledSet, aliases: list[str], options: dict[str, Any]) -> list[SpaceReport]:
        """Describe and compare the set in each space. Raises `UnusableSet`."""
        inference.require_worker()
        largest, fmr, reports = services.largest_gallery(), options["fmr"], []
        galleries = options["gallery"] or ([largest] if largest else [])
        for alias in aliases:
            with tqdm(total=len(labelled.photographs), unit="image", desc=alias, disable=None) as bar:
                described = describe_set(
                    labelled=labelled, alias=alias, bystanders=options["bystanders"], advance=bar.update
                )
            rates = sorted({*RATES, fmr}, reverse=True)
            report = services.evaluate_space(
                labelled=labelled, described=described, alias=alias, rates=rates, chosen=fmr, galleries=galleries
            )
            reports.append(report)
        return reports

    def report(self, labelled: LabelledSet, reports: list[SpaceReport], options: dict[str, Any]) -> None:
        wide = self.stdout.isatty()
        for table in (_table(reports), _search_table(reports), _group_table(reports)):
            if table.row_count:
                self.stdout.write(_printed(table, wide=wide))
        refused = [refusal for report in reports[:1] for refusal in report.refused]
        for line in [*describe_refusals(refused), *_remarks(reports)]:
            self.stdout.write(line)
        try:
            if options["json"]:
                options["json"].write_text(json.dumps(services.as_json(labelled, reports), indent=2) + "\n")
            if options["plots"]:
                draw(options["plots"], reports)
        except OSError as error:
            raise CommandError(f"The results cannot be written: {error.strerror}.") from error
        if options["report"]:
            save_refusals(options["report"], refused)

    def store(self, client: Client, reports: list[SpaceReport]) -> None:
        """Store the threshold found in each space as this client's calibration."""
        for report in reports:
            point, figures = report.chosen, report.verification
            note = f"evaluate: {figures.genuine_pairs} genuine, {figures.impostor_pairs} impostor pairs"
            set_calibration(
                client=client,
                space=report.space,
                threshold=point.threshold,
                false_match_rate=point.false_match_rate,
                note=note,
            )
            self.stdout.write(f"Stored for {client.name} in {report.space}: {report.metric} {point.threshold:.4f}.")


def draw(folder: Path, reports: list[SpaceReport]) -> None:
    """Every picture, as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    curves = {report.space: report.rates for report in reports}
    plots.draw_roc(folder / "roc.png", curves)
    plots.draw_det(folder / "det.png", curves)
    sets = {f"{r.space}, {r.metric}": (r.pairs, r.verification.threshold) for r in reports}
    plots.draw_distances(folder / "distances.png", sets)
    if lists := {f"{report.alias}, list of {one.people:,}": one for report in reports for one in report.searches}:
        plots.draw_searches(folder / "searches.png", lists)


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ArgumentTypeError("numbers of people such as 100,1000") from error
    if min(sizes) < 1:
        raise ArgumentTypeError("a list holds at least one person")
    return sizes


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ArgumentTypeError("a number such as 1e-3") from error
    if not 0 < value < 1:
        raise ArgumentTypeError("a rate lies between 0 and 1")
    return value


def _table(reports: list[SpaceReport]) -> Table:
    """One column for each space."""
    table = Table("", *(f"{report.alias}\n{report.space}" for report in reports))
    columns = [dict(_rows(report)) for report in reports]
    for name in columns[0]:
        table.add_row(name, *(column.get(name, "") for column in columns))
    return table


def _search_table(reports: list[SpaceReport]) -> Table:
    """One row for each list; `*` marks extrapolated ones."""
    table = Table("list of people", "searched for", "threshold", "FPIR", "FNIR", "right person first")
    for report in reports:
        for one in report.searches:
            people = f"{report.alias}, {one.people:,}" + (f"\n* from {one.enrolled:,}" if one.is_extrapolated else "")
            counts = f"{one.mates:,} and\n{one.strangers:,} strangers"
            rates = (rate.percent for rate in (one.fpir, one.fnir, one.rank_1))
            table.add_row(people, counts, f"{report.metric}\n{one.threshold:.4f}", *rates)
    return table


def _group_table(reports: list[SpaceReport]) -> Table:
    """One row for each group and space, at the default threshold of the space."""
    table = Table("group", "space", "people", "photographs", "pairs of one\nperson, of two", "FMR", "FNMR")
    for row in zip(*(report.groups for report in reports), strict=True):
        for report, group in zip(reports, row, strict=True):
            rates = [rate.percent if rate else "-" for rate in (group.fmr, group.fnmr)]
            counts = (
                f"{group.people:,}",
                f"{group.photographs:,}",
                f"{group.genuine_pairs:,}, {group.impostor_pairs:,}",
            )
            table.add_row(printable(group.name), report.alias, *counts, *rates)
    return table


def _printed(table: Table, *, wide: bool) -> str:
    """In colour on a terminal."""
    out = StringIO()
    console = Console(file=out, width=None if wide else WIDTH, force_terminal=wide)
    console.print(table, highlight=False)
    return out.getvalue().rstrip()


def _rows(report: SpaceReport) -> list[tuple[str, str]]:
    verification, metric = report.verification, report.metric
    rows = [
        ("photographs used, refused", f"{report.images}, {len(report.refused)}"),
        ("time per photograph, median, 90 %", f"{report.median_ms:.0f} ms, {report.slow_ms:.0f} ms"),
        ("pairs of one person, of two", f"{verification.genuine_pairs:,}, {verification.impostor_pairs:,}"),
        ("EER", _shown(verification.eer)),
        (
            "area under the ROC",
            f"{verification.auc.value:.4f} ({verification.auc.low:.4f} to {verification.auc.high:.4f})",
        ),
        *(
            (f"TAR at FMR {point.false_match_rate:g}", _shown(point.tar) + _doubt(point))
            for point in verification.points
        ),
        ("default threshold", f"{metric} {verification.threshold:.4f}"),
        ("  FMR there", _shown(verification.fmr)),
        ("  FNMR there", _shown(verification.fnmr)),
        ("  pairs decided rightly", _shown(verification.accuracy)),
    ]
    point = report.chosen
    return [*rows, (f"threshold for FMR {point.false_match_rate:g}", f"{metric} {point.threshold:.4f}{_doubt(point)}")]


def _shown(rate: Estimate) -> str:
    return f"{rate.value:.2%} ({rate.low:.2%} to {rate.high:.2%})"


def _doubt(point: RateThreshold) -> str:
    return "" if point.is_precise else " ?" if point.is_supported else " ??"


def _remarks(reports: list[SpaceReport]) -> list[str]:
    """How the intervals are meant, and which rates the set is too small for."""
    lines = [f"In brackets: {CONFIDENCE:.0%} intervals of a bootstrap by person (docs/evaluation.md)."]
    if any(one.is_extrapolated for report in reports for one in report.searches):
        lines.append("*  The set has too few people for this list: FPIR is an upper bound (docs/evaluation.md).")
    for report in reports:
        pairs = report.verification.impostor_pairs
        for point in report.verification.points:
            need = f"{RULE_OF_30 / point.false_match_rate:,.0f}"
            rate = f"{report.alias}: FMR {point.false_match_rate:g}"
            if not point.is_supported:
                lines.append(f"?? {rate} cannot be shown by {pairs:,} pairs of two people; {need} would do.")
            elif not point.is_precise:
                lines.append(f"?  {rate} is uncertain with {pairs:,} pairs of two people; {need} would do.")
    return lines
