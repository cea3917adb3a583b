"""`manage.py import_people <folder | table.csv>`, or `--archive FILE`: enrols many people, or imports an export."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from clients.services import get_client, get_or_create_client
from people.models import ReferenceImage
from people.types import EnrolledFace, EnrolmentRules, Gate
from transfer import face_service
from transfer.archive import reading
from transfer.archive_import import import_archive, import_calibrations
from transfer.management.importing import ImportCommand
from transfer.people_import import Row, count_rows, import_rows, read_rows
from transfer.photo_library import marked_rows
from transfer.sealing import Key, key_from, read_passphrase
from transfer.types import Outcome
from vision import inference
from vision.engines import engines


class Command(ImportCommand):
    help = (
        "Enrol the people of a folder with one sub-folder of photographs per person, or of a CSV file with the columns"
        " image, external_id, name, source and metadata; or those whom a photo library names (--regions); or import an"
        " archive that export_people wrote. Can be stopped and repeated: what is there already is skipped. Workers find"
        " the faces, so the service must be running; an archive contains its embeddings and needs workers only for"
        " spaces that it lacks."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("people", nargs="?", type=Path, help="the folder or the table")
        parser.add_argument(
            "--regions",
            action="store_true",
            help="the folder is a photo library: enrol every face that its XMP marks with a name",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="with --regions: count named faces, but store nothing and find none"
        )
        parser.add_argument("--archive", type=Path, metavar="FILE", help="an archive to import instead")
        parser.add_argument(
            "--face-service", metavar="FILE|URL", help="who is registered at Face Service 1.1: its index, or an export"
        )
        parser.add_argument("--images", type=Path, metavar="FOLDER", help="the photographs of --face-service")
        key = parser.add_mutually_exclusive_group()
        key.add_argument("--identity", type=Path, metavar="FILE", help="private key of age or SSH that opens it")
        key.add_argument("--passphrase-file", type=Path, metavar="FILE", help="file with the passphrase that opens it")
        parser.add_argument("--client", required=True, metavar="NAME", help="the client; created if it does not exist")
        parser.add_argument("--source", default="", metavar="NAME", help="gallery of rows that name none")
        parser.add_argument("--gate", choices=list(Gate), help="quality gate (default: that of the service)")
        parser.add_argument("--report", type=Path, metavar="FILE.csv", help="save the list of refused files as a table")

    def handle(self, *args: Any, **options: Any) -> None:
        if sum(bool(options[name]) for name in ("people", "archive", "face_service")) != 1:
            raise CommandError("Name either a folder or table, or an archive, or an index of Face Service.")
        if bool(options["face_service"]) != bool(options["images"]):
            raise CommandError("--face-service and --images belong together.")
        if options["regions"] and not options["people"]:
            raise CommandError("--regions reads a folder.")
        if options["dry_run"] and not options["regions"]:
            raise CommandError("--dry-run belongs to --regions.")
        super().handle(*args, **options)

    def run(self, outcome: Outcome, options: dict[str, Any]) -> None:
        if options["archive"]:
            self.import_archive(options, outcome)
            return
        if options["dry_run"]:
            count_rows(marked_rows(options["people"], source=options["source"]), outcome)
            return
        rows = self.rows(options)
        gate = Gate(options["gate"]) if options["gate"] else None
        choice: EnrolledFace = "largest" if options["face_service"] else "only"  # as that service chose
        rules = EnrolmentRules(gate=gate, face_choice=choice, is_import=True)
        inference.require_worker()
        client = get_or_create_client(name=options["client"])
        total = len(rows) if isinstance(rows, list) else None
        with tqdm(total=total, unit="image", desc="Import", disable=None) as bar:
            import_rows(client=client, rows=rows, rules=rules, outcome=outcome, advance=bar.update)

    def rows(self, options: dict[str, Any]) -> Iterable[Row]:
        if options["face_service"]:
            return face_service.read_rows(options["face_service"], options["images"], default_source=options["source"])
        if options["regions"]:
            return marked_rows(options["people"], source=options["source"])
        return read_rows(options["people"], default_source=options["source"])

    def import_archive(self, options: dict[str, Any], outcome: Outcome) -> None:
        """Nothing is stored before all checksums are verified."""
        with reading(options["archive"], self.key(options)) as archive:
            with tqdm(unit="person", desc="Verify", disable=None) as bar:
                people = archive.verify(advance=bar.update)
            client = get_or_create_client(name=options["client"])
            with tqdm(total=people, unit="person", desc="Import", disable=None) as bar:
                import_archive(client=client, archive=archive, outcome=outcome, advance=bar.update)
            for space in import_calibrations(client=client, archive=archive):
                self.stdout.write(f"The threshold in {space} was imported.")

    def key(self, options: dict[str, Any]) -> Key:
        try:
            passphrase = read_passphrase(options["passphrase_file"]) if options["passphrase_file"] else ""
            return key_from(identity_file=options["identity"], passphrase=passphrase)
        except OSError as error:
            raise CommandError(f"The key cannot be read: {error.strerror}.") from error

    def summary(self, outcome: Outcome, options: dict[str, Any]) -> str:
        if options["dry_run"]:
            found = f"{outcome.images} named faces of {outcome.added} people"
            return f"{found} could be imported (faces were not looked for)"
        faces = f" and {outcome.faces} faces without a picture" if outcome.faces else ""
        return f"{outcome.images} images{faces} for {outcome.added} new people imported"

    def complete(self, options: dict[str, Any]) -> None:
        """Compute the templates that the archive lacks, for example because it comes from another model."""
        if not options["archive"]:
            return
        client = get_client(name=options["client"])
        images = ReferenceImage.objects.filter(person__client=client)
        for alias, space in engines.spaces().items():
            if images.without_template_in(space.name).exists():
                call_command("respace", to=alias, fill=True, client=client.name, stdout=self.stdout)
