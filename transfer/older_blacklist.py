"""The older service's blacklist on disk: a sub-folder of photographs per person, and an SQLite file with the names and
reasons. As everywhere in `transfer.folders`, links that lead out of the folder are refused.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from people.types import Refusal
from transfer.folders import BadLayout, read_people

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
class ListedPerson:
    """A person to import with the files found for them; `refused` lists files that are not read."""

    record: Record
    files: list[Path] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def read_records(database: Path) -> list[Record]:
    """The entries of the older database, which is opened read-only. Raises `BadLayout`."""
    uri = f"{database.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            table, columns = _find_table(connection)
            folder = "reference_image_dir" if "reference_image_dir" in columns else "id"
            rows = connection.execute(f"SELECT id, name, reason, {folder} FROM {_quoted(table)} ORDER BY id")  # noqa: S608
            # Only the last part of the folder's name counts: some installations stored a path.
            return [
                Record(str(name or "").strip(), str(reason) if reason else None, Path(str(directory or key)).name)
                for key, name, reason, directory in rows
            ]
    except sqlite3.Error as error:
        raise BadLayout("The database cannot be read; it has to be an SQLite file.") from error


def _find_table(connection: sqlite3.Connection) -> tuple[str, set[str]]:
    """The table with the columns of an entry; if several qualify, the one with most of them."""
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


def read_folder(folder: Path, records: list[Record]) -> list[ListedPerson]:
    """Every person in the folder. A record belongs to the sub-folder whose name is its id or its name."""
    by_folder = {record.folder: record for record in records}
    by_name = {record.name: record for record in records}
    listed: dict[str, ListedPerson] = {}
    for person in read_people(folder):
        record = by_folder.get(person.name) or by_name.get(person.name) or Record(person.name, None, person.name)
        found = listed.setdefault(record.name, ListedPerson(record))
        found.files.extend(person.files)
        found.refused.extend(person.refused)
    for record in records:
        if record.name not in listed:
            reason = "The database lists this person, but there is no folder of photographs."
            listed[record.name] = ListedPerson(record, refused=[Refusal(record.folder, "import.no_folder", reason)])
    return list(listed.values())


def check_record(record: Record) -> Refusal | None:
    """Why this person cannot become an entry. The limits are those of the older service and of ours."""
    if not record.name or len(record.name) > MAX_NAME or not record.name.isprintable():
        message = f"A name has 1 to {MAX_NAME} printable characters."
    elif len(record.reason or "") > MAX_REASON or "\0" in (record.reason or ""):
        message = f"A reason has at most {MAX_REASON} characters."
    else:
        return None
    return Refusal(record.folder, "import.bad_record", message)
