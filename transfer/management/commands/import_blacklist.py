"""`manage.py import_blacklist <folder>`: takes over the older service's people, their reasons and photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from clients.services import get_or_create_client
from errors import FaceAppError, Unavailable
from transfer import refusals
from transfer.blacklist_import import Outcome, check_source, import_source
from transfer.legacy import DATABASE, Source, read_folder, read_records
from vision import inference


class Command(BaseCommand):
    help = (
        "Import a folder with one sub-folder of photographs per person, named by the person or by the entry's id in"
        f" {DATABASE}. Safe to run again: only photographs that an entry lacks are added. The workers find the faces,"
        " so the service must run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="the older service's folder of reference images")
        parser.add_argument(
            "--client", default="default", metavar="NAME", help="whose blacklist (default: %(default)s)"
        )
        parser.add_argument(
            "--database", type=Path, metavar="FILE", help=f"names and reasons (default: {DATABASE} in the folder)"
        )
        parser.add_argument("--dry-run", action="store_true", help="read everything, store nothing, look for no faces")
        parser.add_argument("--report", type=Path, metavar="FILE.csv", help="save what was refused as a table")

    def handle(self, *args: Any, **options: Any) -> None:
        outcome = Outcome()
        try:
            sources = _read(options["folder"], options["database"])
            self.run(sources, outcome, client="" if options["dry_run"] else options["client"])
        except Unavailable as error:
            self.report(outcome, options)
            raise CommandError(f"{error.message} What was imported is kept; run the command again.") from error
        except FaceAppError as error:
            raise CommandError(error.message) from error
        self.report(outcome, options)
        if outcome.is_empty:
            raise CommandError("Nothing could be imported.")

    def run(self, sources: list[Source], outcome: Outcome, *, client: str) -> None:
        """Import for the client of this name, or check only when the name is empty."""
        if client:
            inference.require_worker()
        owner = get_or_create_client(name=client) if client else None
        with tqdm(total=sum(len(s.files) for s in sources), unit="image", desc="Import", disable=None) as bar:
            for source in sources:
                if owner:
                    import_source(client=owner, source=source, outcome=outcome, advance=bar.update)
                else:
                    check_source(source=source, outcome=outcome, advance=bar.update)

    def report(self, outcome: Outcome, options: dict[str, Any]) -> None:
        verb = "could be imported (faces were not looked for)" if options["dry_run"] else "imported"
        known = f", {outcome.known} were there already" if outcome.known else ""
        self.stdout.write(f"{outcome.images} images for {outcome.entries} new entries {verb}{known}.")
        for line in refusals.describe(outcome.refused):
            self.stdout.write(line)
        if options["report"]:
            refusals.save(options["report"], outcome.refused)


def _read(folder: Path, database: Path | None) -> list[Source]:
    """Every person in the folder. The database counts when it is named or lies in the folder."""
    if database and not database.is_file():
        raise CommandError("The database does not exist.")
    beside = folder / DATABASE
    database = database or (beside if beside.is_file() else None)
    return read_folder(folder, read_records(database) if database else [])
