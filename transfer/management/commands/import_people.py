"""`manage.py import_people <folder | table.csv>`, or `--archive FILE`: enrols many people, or takes over an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from clients.models import Client
from clients.services import get_or_create_client
from errors import FaceAppError, Unavailable
from people.models import ReferenceImage
from people.types import Gate
from transfer import refusals
from transfer.archive import reading
from transfer.archive_import import import_archive, import_calibrations
from transfer.people_import import Outcome, import_rows, read_rows
from vision import inference
from vision.engines import engines


class Command(BaseCommand):
    help = (
        "Enrol the people of a folder with one sub-folder of photographs per person, or of a CSV file with the columns"
        " image, external_id, name, source and metadata; or take over what export_people wrote. Safe to stop and to run"
        " again: what is there is skipped. The workers find the faces, so the service must run; an archive brings its"
        " embeddings and needs workers only for spaces that it lacks."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("people", nargs="?", type=Path, help="the folder or the table")
        parser.add_argument("--archive", type=Path, metavar="FILE.zip", help="what export_people wrote, instead")
        parser.add_argument("--client", required=True, metavar="NAME", help="whose people; made if there is none")
        parser.add_argument("--source", default="", metavar="NAME", help="sub-gallery, where a table names none")
        parser.add_argument("--gate", choices=list(Gate), help="how good faces must be (default: the service's)")
        parser.add_argument("--report", type=Path, metavar="FILE.csv", help="save what was refused as a table")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["people"]) == bool(options["archive"]):
            raise CommandError("Name either a folder or table, or an archive.")
        outcome = Outcome()
        try:
            client = self.archive(options, outcome) if options["archive"] else self.enrol(options, outcome)
        except Unavailable as error:
            self.report(outcome, options)
            raise CommandError(f"{error.message} What was imported is kept; run the command again.") from error
        except FaceAppError as error:
            raise CommandError(error.message) from error
        self.report(outcome, options)
        if outcome.is_empty:
            raise CommandError("Nothing could be imported.")
        if options["archive"]:
            self.fill_spaces(client)

    def enrol(self, options: dict[str, Any], outcome: Outcome) -> Client:
        rows = read_rows(options["people"], default_source=options["source"])
        inference.require_worker()
        client = get_or_create_client(name=options["client"])
        gate = Gate(options["gate"]) if options["gate"] else None
        with tqdm(total=len(rows), unit="image", desc="Import", disable=None) as bar:
            import_rows(client=client, rows=rows, gate=gate, outcome=outcome, advance=bar.update)
        return client

    def archive(self, options: dict[str, Any], outcome: Outcome) -> Client:
        """Nothing is stored before every checksum was compared."""
        with reading(options["archive"]) as archive:
            with tqdm(unit="person", desc="Verify", disable=None) as bar:
                people = archive.verify(advance=bar.update)
            client = get_or_create_client(name=options["client"])
            with tqdm(total=people, unit="person", desc="Import", disable=None) as bar:
                import_archive(client=client, archive=archive, outcome=outcome, advance=bar.update)
            for space in import_calibrations(client=client, archive=archive):
                self.stdout.write(f"The threshold in {space} was taken over.")
        return client

    def report(self, outcome: Outcome, options: dict[str, Any]) -> None:
        known = f", {outcome.known} were there already" if outcome.known else ""
        self.stdout.write(f"{outcome.images} images for {outcome.people} new people imported{known}.")
        for line in refusals.describe(outcome.refused):
            self.stdout.write(line)
        for alike in outcome.alike:
            self.stdout.write(f"  {alike.name}: {alike.message}")
        if options["report"]:
            refusals.save(options["report"], [*outcome.refused, *outcome.alike])

    def fill_spaces(self, client: Client) -> None:
        """Compute what the client lacks in enabled spaces, as it does where the archive comes from another model."""
        images = ReferenceImage.objects.filter(person__client=client)
        for alias, space in engines.spaces().items():
            if images.without_template_in(space.name).exists():
                call_command("embed", space=alias, client=client.name, stdout=self.stdout)
