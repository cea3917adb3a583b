"""How commands report the files that they refused. File names are printed as `environment.terminal` does."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.core.management.base import CommandError

from environment.terminal import printable
from people.types import Refusal


def describe_refusals(refused: Sequence[Refusal]) -> Iterator[str]:
    """A line with the count, and one in columns for each refusal; nothing if there are none."""
    if refused:
        yield f"{len(refused)} refused:"
        names = [printable(refusal.name) for refusal in refused]
        width = max(map(len, names))
        for name, refusal in zip(names, refused, strict=True):
            yield f"  {name:<{width}}  {refusal.code:<20}  {printable(refusal.message)}"


def save_refusals(file: Path, refused: Sequence[Refusal]) -> None:
    """Write the refusals as a CSV file in UTF-8 with the columns file, code and reason. Raises `CommandError`."""
    try:
        with file.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(["file", "code", "reason"])
            writer.writerows([printable(r.name), r.code, printable(r.message)] for r in refused)
    except OSError as error:
        raise CommandError(f"The report cannot be written: {error.strerror}.") from error
