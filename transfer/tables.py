"""CSV files that name photographs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path

from environment import open_regular
from transfer.folders import BadLayout

ENCODING = "utf-8-sig"  # spreadsheets write a byte order mark first


def read_table(file: Path, *, required: Iterable[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by column, values stripped of whitespace. Raises `BadLayout`."""
    try:
        with TextIOWrapper(open_regular(file), newline="", encoding=ENCODING) as handle:
            reader = csv.DictReader(handle, restkey="", restval="")
            if missing := set(required) - set(reader.fieldnames or ()):
                raise BadLayout(f"The table has no column {', '.join(sorted(missing))}.")
            for row in reader:
                if any("\0" in value for value in row.values()):
                    raise BadLayout("The table contains NUL characters.")
                yield {name: value.strip() for name, value in row.items() if name}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadLayout("The table cannot be read; it has to be a CSV file in UTF-8.") from error
