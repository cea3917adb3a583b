"""What an import says, line by line, however many lines there are."""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path

from django.core.management.base import CommandError

from environment.terminal import printable
from people.types import Refusal

SHOWN = 20  # lines on the terminal; a table has all of them


class Report(AbstractContextManager["Report"]):
    """Remarks by code, the first of them in full, and all of them in a CSV file with the columns file, code and reason.

    Raises `CommandError` if the file cannot be written.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[Refusal] = []
        try:
            self._handle = file.open("w", newline="", encoding="utf-8") if file else None
        except OSError as error:
            raise CommandError(f"The report cannot be written: {error.strerror}.") from error
        self._writer = csv.writer(self._handle) if self._handle else None
        self._write("file", "code", "reason")

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self._handle.close()

    def add(self, name: str, code: str, message: str) -> None:
        self.counts[code] += 1
        if len(self.first) < SHOWN:
            self.first.append(Refusal(name, code, message))
        self._write(printable(name), code, printable(message))

    def _write(self, *values: str) -> None:
        if self._writer:
            self._writer.writerow(values)
