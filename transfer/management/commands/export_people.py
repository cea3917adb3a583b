"""`manage.py export_people --client NAME --output FILE`: a client's people in one file, for another deployment."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from clients.services import get_client
from environment.terminal import printable
from errors import FaceAppError
from transfer.archive_export import export_people, people_to_export
from transfer.reports import describe_refusals
from transfer.sealing import Lock, lock_for, read_passphrase
from transfer.types import Exported


class Command(BaseCommand):
    help = (
        "Write a client's people with photographs, embeddings, metadata and thresholds to an encrypted file (age), for"
        " `import_people --archive` in another deployment. Blacklist entries are not included. Say who may open it:"
        " --recipient, --passphrase-file, or --plain for a ZIP file that anybody can read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", required=True, metavar="NAME", help="whose people")
        parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="must not exist yet")
        parser.add_argument(
            "--recipient",
            action="append",
            default=[],
            metavar="KEY",
            help="public key of age (age1…) or SSH whose owner may open the file; can be repeated",
        )
        parser.add_argument(
            "--passphrase-file", type=Path, metavar="FILE", help="encrypt by the passphrase in this file instead"
        )
        parser.add_argument("--plain", action="store_true", help="do not encrypt: unprotected biometric data")
        parser.add_argument(
            "--source", action="append", metavar="NAME", help="only this gallery; can be repeated (default: all)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["output"]
        if file.exists():
            raise CommandError("The file exists already.")
        if [bool(options[name]) for name in ("recipient", "passphrase_file", "plain")].count(True) != 1:
            raise CommandError("Say who may open the file: --recipient, --passphrase-file, or --plain for everybody.")
        try:
            done = self.export(file, self.lock(options), options["client"], options["source"])
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"The archive cannot be written: {error.strerror}.") from error
        self.report(file, done)

    def lock(self, options: dict[str, Any]) -> Lock:
        passphrase = read_passphrase(options["passphrase_file"]) if options["passphrase_file"] else ""
        return lock_for(recipients=options["recipient"], passphrase=passphrase)

    def export(self, file: Path, lock: Lock, client: str, sources: list[str] | None) -> Exported:
        owner = get_client(name=client)
        people = people_to_export(client=owner, sources=sources)
        with tqdm(total=people.count(), unit="person", desc="Export", disable=None) as bar:
            return export_people(client=owner, people=people, file=file, lock=lock, advance=bar.update)

    def report(self, file: Path, done: Exported) -> None:
        faces = f" and {done.faces} faces without a picture" if done.faces else ""
        self.stdout.write(f"{done.people} people with {done.images} images{faces} exported.")
        for space, count in sorted(done.templates.items()):
            self.stdout.write(f"  {count} embeddings in {printable(space)}")
        for line in describe_refusals(done.refused):
            self.stdout.write(line)
        with file.open("rb") as handle:
            self.stdout.write(f"SHA-256 {file_digest(handle, 'sha256').hexdigest()}  {printable(file.name)}")
