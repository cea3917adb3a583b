"""`manage.py verify_erasure`: whether receipts of erasures are the service's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.receipts import is_genuine, read_file


class Command(BaseCommand):
    help = "Check the signatures of receipts: one as the API answers it, or a file of them, one a line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            documents = self.read(options["file"])
        except OSError as error:
            raise CommandError(str(error)) from error
        false = [str(document.get("id")) for document in documents if not is_genuine(document)]
        for name in false:
            self.stdout.write(f"ERROR: {name} was not signed by this service, or was changed.")
        if false or not documents:
            raise CommandError(f"{len(documents) - len(false)} of {len(documents)} receipts are genuine.")
        self.stdout.write(self.style.SUCCESS(f"{len(documents)} receipts are genuine."))

    def read(self, file: Path) -> list[dict[str, Any]]:
        """One document that may span several lines, or one a line."""
        try:
            whole = json.loads(file.read_text())
        except ValueError:
            return list(read_file(file))
        return [whole] if isinstance(whole, dict) else []
