"""`manage.py encrypt_files`: encrypts images that were stored before encryption was on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from errors import FaceAppError
from storage.encrypting import count_plain, encrypt_files


class Command(BaseCommand):
    help = (
        "Encrypt the stored images that are not encrypted yet, each by the key of its client. The service may run"
        " meanwhile; the command may be stopped and repeated."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        total = count_plain()
        with tqdm(total=total, unit="image", desc="Encrypt", disable=None) as bar:
            try:
                result = encrypt_files(advance=bar.update)
            except FaceAppError as error:
                raise CommandError(f"{error.message} What was encrypted stays so; run the command again.") from error
        self.stdout.write(self.style.SUCCESS(f"Encrypted {result.done} of {total} images."))
        if result.lost:
            self.stdout.write(f"{result.lost} image(s) have lost their file.")
