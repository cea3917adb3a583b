"""`manage.py import_blacklist <folder>`: imports the older service's people with their reasons and photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from clients.services import get_or_create_client
from transfer.blacklist_import import check_person, import_person
from transfer.management.importing import ImportCommand
from transfer.older_blacklist import DATABASE, read_folder, read_records
from transfer.types import Outcome
from vision import inference


class Command(ImportCommand):
    help = (
        "Import a folder with one sub-folder of photographs per person, named after the person or after the entry's id"
        f" in {DATABASE}. Can be repeated: only photographs that an entry lacks are added. Workers find the faces, so"
        " the service must be running."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="the older service's folder of reference images")
        parser.add_argument(
            "--client", default="default", metavar="NAME", help="whose blacklist (default: %(default)s)"
        )
        parser.add_argument(
            "--database", type=Path, metavar="FILE", help=f"names and reasons (default: {DATABASE} in the folder)"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="read all files, but store nothing and find no faces"
        )
        parser.add_argument("--report", type=Path, metavar="FILE.csv", help="save the list of refused files as a table")

    def run(self, outcome: Outcome, options: dict[str, Any]) -> None:
        folder, database = options["folder"], options["database"]
        if database and not database.is_file():
            raise CommandError("The database does not exist.")
        if not database and (folder / DATABASE).is_file():
            database = folder / DATABASE
        people = read_folder(folder, read_records(database) if database else [])
        if not options["dry_run"]:
            inference.require_worker()
            client = get_or_create_client(name=options["client"])
        with tqdm(total=sum(len(p.files) for p in people), unit="image", desc="Import", disable=None) as bar:
            for person in people:
                if options["dry_run"]:
                    check_person(person=person, outcome=outcome, advance=bar.update)
                else:
                    import_person(client=client, person=person, outcome=outcome, advance=bar.update)

    def summary(self, outcome: Outcome, options: dict[str, Any]) -> str:
        verb = "could be imported (faces were not looked for)" if options["dry_run"] else "imported"
        return f"{outcome.images} images for {outcome.added} new entries {verb}"
