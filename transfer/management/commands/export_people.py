"""`manage.py export_people --client NAME --output FILE.zip`: a client's people in one file, for another deployment."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from clients.services import get_client
from errors import FaceAppError
from transfer import refusals
from transfer.exporting import Exported, export_people, people_to_export


class Command(BaseCommand):
    help = (
        "Write a client's people with photographs, embeddings, metadata and thresholds into a ZIP file with"
        " checksums. `import_people --archive` takes it in elsewhere. Blacklist entries are not in it. The file holds"
        " biometric data in the clear: keep it as you keep the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", required=True, metavar="NAME", help="whose people")
        parser.add_argument("--output", required=True, type=Path, metavar="FILE.zip", help="must not exist yet")
        parser.add_argument(
            "--source", action="append", metavar="NAME", help="this sub-gallery only; may be repeated (default: all)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["output"]
        if file.exists():
            raise CommandError("The file exists already.")
        try:
            done = self.export(file, options["client"], options["source"])
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"The archive cannot be written: {error.strerror}.") from error
        self.report(file, done)

    def export(self, file: Path, client: str, sources: list[str] | None) -> Exported:
        owner = get_client(name=client)
        people = people_to_export(client=owner, sources=sources)
        with tqdm(total=people.count(), unit="person", desc="Export", disable=None) as bar:
            return export_people(client=owner, people=people, file=file, advance=bar.update)

    def report(self, file: Path, done: Exported) -> None:
        self.stdout.write(f"{done.people} people with {done.images} images exported.")
        for space, count in sorted(done.templates.items()):
            self.stdout.write(f"  {count} embeddings in {space}")
        for line in refusals.describe(done.refused):
            self.stdout.write(line)
        with file.open("rb") as handle:
            self.stdout.write(f"SHA-256 {file_digest(handle, 'sha256').hexdigest()}  {file.name}")
