"""`manage.py purge`: erases processed images past their retention, rows and files together."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from clients.models import Client
from errors import Unavailable
from recognition import services
from recognition.models import ProcessedImage
from recognition.querysets import ProcessedImageQuerySet
from recognition.tasks import purge
from storage.orphans import remove_orphans
from telemetry.recurring import note_success

BATCH = 100  # images


class Command(BaseCommand):
    help = (
        "Erase processed images past their retention (FACEAPP_RETENTION_DAYS, or the client's own): files, faces and"
        " matches, and jobs that have no image left. Runs automatically every night."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", metavar="NAME", help="this client's images only")
        parser.add_argument("--dry-run", action="store_true", help="report what would be erased without erasing it")

    def handle(self, *args: Any, **options: Any) -> None:
        client = Client.objects.filter(name=options["client"]).first()
        if options["client"] and client is None:
            raise CommandError(f"There is no client {options['client']!r}.")
        expired = ProcessedImage.objects.expired(default_days=settings.RETENTION_DAYS)
        if client:
            expired = expired.of_client(client)
        total = self.report(expired, erase=not options["dry_run"])
        if total and not options["dry_run"]:
            erased = 0
            with tqdm(total=total, unit="image", desc="Erase", disable=None) as bar:
                try:
                    while count := services.purge(limit=BATCH, client=client):
                        erased += count
                        bar.update(count)
                except Unavailable as error:
                    raise CommandError(f"{error.message} At least {erased} of {total} images are erased.") from error
            self.stdout.write(self.style.SUCCESS(f"Erased {erased} of {total} images."))
        if not client:
            self.remove_orphans(dry_run=options["dry_run"])
            if not options["dry_run"]:
                note_success(purge.name)

    def remove_orphans(self, *, dry_run: bool) -> None:
        """Remove files that a killed process left without a row."""
        try:
            count = remove_orphans(dry_run=dry_run)
        except Unavailable as error:
            raise CommandError(error.message) from error
        if count:
            self.stdout.write(f"{count} file(s) without a row {'would be' if dry_run else 'are'} erased.")

    def report(self, expired: ProcessedImageQuerySet, *, erase: bool) -> int:
        """Print how many images of each client are due; returns their number."""
        counts = Counter(expired.values_list("client__name", flat=True))
        for name, count in sorted(counts.items()):
            self.stdout.write(
                f"{name}: {count} images past their retention {'to erase' if erase else 'would be erased'}"
            )
        total = counts.total()
        if not total:
            self.stdout.write("No image is past its retention.")
        return total
