"""Reads the older service's folder: a sub-folder of photographs per person, and the SQLite file of names and reasons.

The administrator names the folder on the command line. Nothing outside it is read: links that lead out are refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from people.types import Refusal
from transfer.folders import BadLayout, read_people, read_upload, shown
from vision.types import Upload

DATABASE = "blacklist.db"
NEEDED = {"id", "name", "reason"}  # the columns by which the table is recognised
MAX_NAME, MAX_REASON = 100, 255  # characters, as the older service allowed


@dataclass(frozen=True)
class Record:
    """A row of the older database. `folder` names the sub-folder: the entry's id."""

    name: str
    reason: str | None
    folder: str


@dataclass(frozen=True)
class Source:
    """A person to import and the files found for them; `refused` are those that are not even tried."""

    record: Record
    files: list[Path] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def read_records(database: Path) -> list[Record]:
    """The entries of the older database, opened read-only. Raises `BadLayout`."""
    uri = f"{database.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            table, columns = _find_table(connection)
            folder = "reference_image_dir" if "reference_image_dir" in columns else "id"
            rows = connection.execute(f"SELECT id, name, reason, {folder} FROM {_quoted(table)} ORDER BY id")  # noqa: S608
            return [_record(*row) for row in rows]
    except sqlite3.Error as error:
        raise BadLayout("The database cannot be read; it has to be an SQLite file.") from error


def _find_table(connection: sqlite3.Connection) -> tuple[str, set[str]]:
    """The table with an entry's columns; the one with most of them when several qualify."""
    found: list[tuple[int, str, set[str]]] = []
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(table)})")}
        if columns >= NEEDED:
            found.append((len(columns & {"added_date", "reference_image_dir"}), table, columns))
    if not found:
        raise BadLayout("The database has no table with the columns id, name and reason.")
    _, table, columns = max(found, key=lambda row: row[0])
    return table, columns


def _quoted(table: str) -> str:
    doubled = table.replace('"', '""')
    return f'"{doubled}"'


def _record(key: object, name: object, reason: object, folder: object) -> Record:
    """Only the last part of the folder's name counts; some installations stored a path."""
    return Record(str(name or "").strip(), str(reason) if reason else None, Path(str(folder or key)).name)


def read_folder(folder: Path, records: list[Record]) -> list[Source]:
    """Every person in the folder, with records' names and reasons where a sub-folder's name is an id or a name."""
    by_folder = {record.folder: record for record in records}
    by_name = {record.name: record for record in records}
    sources: dict[str, Source] = {}
    for person in read_people(folder):
        record = by_folder.get(person.name) or by_name.get(person.name) or Record(person.name, None, person.name)
        source = sources.setdefault(record.name, Source(record))
        source.files.extend(person.files)
        source.refused.extend(person.refused)
    for record in records:
        if record.name not in sources:
            reason = "The database lists this person, but there is no folder of photographs."
            sources[record.name] = Source(record, refused=[Refusal(record.folder, "import.no_folder", reason)])
    return list(sources.values())


def check_record(record: Record) -> Refusal | None:
    """Why this person cannot be an entry: the limits of the older service, which are ours too."""
    if not record.name or len(record.name) > MAX_NAME or not record.name.isprintable():
        message = f"A name has 1 to {MAX_NAME} printable characters."
    elif len(record.reason or "") > MAX_REASON or "\0" in (record.reason or ""):
        message = f"A reason has at most {MAX_REASON} characters."
    else:
        return None
    return Refusal(record.folder, "import.bad_record", message)


def read_uploads(source: Source) -> Iterator[Upload | Refusal]:
    """The files of a person, one at a time, so that only one is in memory; a file that cannot be read is refused."""
    for path in source.files:
        yield read_upload(path, shown(path))
