"""`manage.py reapply_erasures`: erases again what a restored backup has brought back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from errors import FaceAppError
from faceapp.reapplying import reapply


class Command(BaseCommand):
    help = (
        "After restoring a backup: erase again every person, entry, photograph, face and client that was erased since,"
        " by the receipts in the database and in the file. It may be repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", type=Path, default=settings.ERASURES_FILE, help="default: %(default)s")
        parser.add_argument("--trust", action="store_true", help="also receipts that the service's key has not signed")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["file"].exists():
            self.stderr.write(f"There is no file {options['file']}: only the receipts of the database are looked at.")
        try:
            report = reapply(file=options["file"], trust=options["trust"])
        except (FaceAppError, OSError) as error:
            raise CommandError(str(error)) from error
        for label, count in sorted(report.erased.items()):
            self.stdout.write(f"  {label}: {count}")
        self.stdout.write(f"{report.receipts} receipts, {report.erased.total()} rows and files erased again.")
        for name in report.refused:
            self.stderr.write(f"Not applied, because its signature is not the service's: {name}")
        if report.refused:
            raise CommandError("Some receipts were not applied.")
