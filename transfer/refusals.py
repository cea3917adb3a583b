"""What a command says about the files that it did not take."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.core.management.base import CommandError

from people.types import Refusal


def describe(refused: Sequence[Refusal]) -> Iterator[str]:
    """A line for each refusal, in columns, under a line that counts them; nothing when there are none."""
    if refused:
        yield f"{len(refused)} refused:"
        width = max(len(refusal.name) for refusal in refused)
        for refusal in refused:
            yield f"  {refusal.name:<{width}}  {refusal.code:<20}  {refusal.message}"


def save(file: Path, refused: Sequence[Refusal]) -> None:
    """Write the refusals as a table: file, code, reason. Raises `CommandError`."""
    try:
        with file.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(["file", "code", "reason"])
            writer.writerows([refusal.name, refusal.code, refusal.message] for refusal in refused)
    except OSError as error:
        raise CommandError(f"The report cannot be written: {error.strerror}.") from error
