"""What a CompreFace server holds: services, subjects and examples, listed before anything is imported.

The list is a SQLite database of this process alone: in memory up to `CACHE_KIB`, and beyond that in a temporary file
without a name. However many examples there are, the memory stays the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from transfer.folders import BadLayout

CACHE_KIB = 64 * 1024
TABLES = """
CREATE TABLE service (key TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, app TEXT NOT NULL);
CREATE TABLE subject (id TEXT PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE example (id TEXT PRIMARY KEY, subject TEXT NOT NULL, picture TEXT);
CREATE TABLE picture (id TEXT PRIMARY KEY, place TEXT);
CREATE INDEX subject_of_service ON subject (key, name, id);
CREATE INDEX example_of_subject ON example (subject, id);
"""
EXAMPLES = "FROM example JOIN subject ON subject.id = example.subject WHERE subject.key = ?"

ALIKE = """
SELECT name FROM subject WHERE key = ? AND folded(name) IN
(SELECT folded(name) FROM subject WHERE key = ? GROUP BY folded(name) HAVING count(*) > 1) ORDER BY folded(name), name
"""


class Kind(StrEnum):
    """What a service of CompreFace does, as its database has it."""

    RECOGNITION = "R"
    DETECTION = "D"
    VERIFICATION = "V"


@dataclass(frozen=True)
class Service:
    """A service of an application of CompreFace, and the key by which callers reach it, a UUID as text."""

    key: str
    kind: Kind
    name: str
    app: str


@dataclass(frozen=True)
class Example:
    """A photograph of a subject. `picture` names its file for the source; None: none was kept."""

    id: UUID
    subject: str
    picture: str | None


class Catalogue:
    """Rows come in any order. Those that belong to nothing listed are never asked for."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", check_same_thread=False)
        self._rows.executescript(f"PRAGMA cache_size = -{CACHE_KIB}; PRAGMA journal_mode = OFF; {TABLES}")
        self._rows.create_function("folded", 1, str.casefold, deterministic=True)

    def close(self) -> None:
        self._rows.close()

    # ---- filling ------------------------------------------------------------------------------------------------
    def add_services(self, services: Iterable[Service]) -> None:
        rows = ((one.key, one.kind.value, one.name, one.app) for one in services)
        self._add("INSERT INTO service VALUES (?, ?, ?, ?)", rows)

    def add_subjects(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """The subject's id, the key of its service, and its name."""
        self._add("INSERT INTO subject VALUES (?, ?, ?)", rows)

    def add_examples(self, rows: Iterable[tuple[str, str, str | None]], *, may_repeat: bool = False) -> None:
        """The example's id, the subject's id, and what names the picture."""
        insert = "INSERT OR IGNORE" if may_repeat else "INSERT"
        self._add(f"{insert} INTO example VALUES (?, ?, ?)", ((canonical(row[0]), *row[1:]) for row in rows))

    def add_pictures(self, rows: Iterable[tuple[str, str | None]]) -> None:
        """For sources that have to look for pictures: the id of each, and where it is; None: it cannot be read."""
        self._add("INSERT INTO picture VALUES (?, ?)", rows)

    def _add(self, statement: str, rows: Iterable[tuple[str | None, ...]]) -> None:
        """Raises `BadLayout` if two rows have one id, or for texts that are none."""
        try:
            self._rows.executemany(statement, rows)
        except sqlite3.IntegrityError as error:
            raise BadLayout("The same id comes twice; the source is damaged.") from error
        except UnicodeEncodeError as error:
            raise BadLayout("A name holds half a character; the source is damaged.") from error

    # ---- reading ------------------------------------------------------------------------------------------------
    def services(self) -> list[Service]:
        """By application and name."""
        rows = self._rows.execute("SELECT key, kind, name, app FROM service ORDER BY app, name, key")
        return [Service(key, Kind(kind), name, app) for key, kind, name, app in rows]

    def subjects(self, service: Service) -> Iterator[str]:
        """The names of a service's subjects, in their order."""
        for (name,) in self._rows.execute("SELECT name FROM subject WHERE key = ? ORDER BY name, id", [service.key]):
            yield name

    def examples(self, service: Service) -> Iterator[Example]:
        """By subject."""
        rows = self._rows.execute(
            f"SELECT example.id, name, picture {EXAMPLES} ORDER BY name, subject.id, example.id", [service.key]
        )
        for number, subject, picture in rows:
            yield Example(UUID(number), subject, picture)

    def count(self, service: Service) -> tuple[int, int]:
        """How many subjects and examples a service has."""
        subjects = self._rows.execute("SELECT count(*) FROM subject WHERE key = ?", [service.key])
        examples = self._rows.execute(f"SELECT count(*) {EXAMPLES}", [service.key])
        return subjects.fetchone()[0], examples.fetchone()[0]

    def place_of(self, picture: str) -> str | None:
        """Where a picture is, if it is anywhere."""
        found = self._rows.execute("SELECT place FROM picture WHERE id = ?", [picture]).fetchone()
        return found[0] if found else None

    def alike(self, service: Service) -> Iterator[str]:
        """Names of subjects that differ from another one's in their case alone."""
        for (name,) in self._rows.execute(ALIKE, [service.key, service.key]):
            yield name


def canonical(number: str) -> str:
    """A UUID in its usual form. Raises `BadLayout`."""
    try:
        return str(UUID(number))
    except ValueError as error:
        raise BadLayout("An example's id is not a UUID; the source is damaged.") from error
