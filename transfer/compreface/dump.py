"""CompreFace's database as `pg_dump` writes it in its plain format: COPY blocks, read once and row by row.

Pictures stay in the file, which is read again at their place. The format is described in PostgreSQL's documentation of
COPY, "Text Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from environment import open_regular
from transfer.compreface.catalogue import Catalogue, Kind, Service
from transfer.folders import BadLayout

PIECE = 64 * 1024  # bytes that are read at a time
LONGEST_TEXT = 8 * 1024  # bytes of an id, a key or a name
DEMO = "0"  # id of the application that holds CompreFace's demo
COPY = re.compile(rb'COPY (?:public\.)?"?(\w+)"? \(([^)]*)\) FROM stdin;\s*\Z')
INSERT = re.compile(rb"INSERT INTO (?:public\.)?(?:subject|embedding|model)\b")
ENCODING = re.compile(rb"SET client_encoding = '([^']*)'")
COMPLETE = b"-- PostgreSQL database dump complete"
ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
HEX = b"\\\\x"  # before a bytea in COPY's text format
COLUMNS = {
    "app": ("id", "name"),
    "model": ("name", "app_id", "api_key", "type"),
    "subject": ("id", "api_key", "subject_name"),
    "embedding": ("id", "subject_id", "img_id"),
    "img": ("id", "content"),
}
NEEDED = {"model", "subject", "embedding"}
OTHER_FILES = {
    b"PGDMP": "This dump is in pg_dump's custom format. Convert it: pg_restore -f compreface.sql FILE.",
    b"\x1f\x8b": "This dump is compressed. Unpack it first, with gunzip.",
    b"\xff\xfe": "This file is in UTF-16, as PowerShell writes what a program prints. Have pg_dump write it: -f FILE.",
}
TOO_OLD = (
    "This database is of CompreFace 0.5 or older. Update that server to 1.x first, which converts its own data, and"
    " make a new dump."
)


class OldVersion(BadLayout):
    """A database of a CompreFace before 0.6."""

    code = "import.old_version"


class Truncated(BadLayout):
    """The dump ends before its end."""

    code = "import.truncated"


class Dump(AbstractContextManager["Dump"]):
    """A dump and the catalogue of what it holds. Raises `BadLayout`, `OldVersion` or `Truncated` before anything of it
    is used.
    """

    def __init__(self, file: Path) -> None:
        try:
            self._file = open_regular(file)
        except OSError as error:
            raise BadLayout(f"The dump cannot be read: {error.strerror}.", code="import.unreadable") from error
        self.catalogue = Catalogue()
        try:
            _Reading(self._file, self.catalogue).read()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.catalogue.close()

    def picture(self, name: str) -> bytes | None:
        """The picture that an example names, unless it is missing. Raises `BadLayout` if the file has changed."""
        place = self.catalogue.place_of(name)
        if place is None:
            return None
        at, size = map(int, place.split("+"))
        self._file.seek(at)
        try:
            return bytes.fromhex(self._file.read(min(size, 2 * (settings.MAX_IMAGE_BYTES + 1))).decode("ascii"))
        except ValueError as error:
            raise BadLayout("A picture in the dump is not hexadecimal; make the dump again.") from error


class Field:
    """A field of a row: where it is in the file, and its start as text."""

    def __init__(self, at: int) -> None:
        self.at, self.size, self.start, self._last = at, 0, bytearray(), b""

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.start += piece[: LONGEST_TEXT + 1 - len(self.start)]
        self._last = piece[-1:] or self._last

    def drop_return(self) -> None:
        """Take off what ends a line of Windows with the line feed; one that belongs to a value is written as `\\r`."""
        if self._last == b"\r":
            self.size -= 1
            del self.start[self.size :]

    @property
    def text(self) -> str | None:
        """None for NULL. Raises `BadLayout`."""
        if self.size > LONGEST_TEXT:
            raise BadLayout("A name or an id in the dump is longer than any of CompreFace.")
        if self.start == rb"\N":
            return None
        try:
            return ESCAPE.sub(_unescaped, bytes(self.start)).decode()
        except (UnicodeDecodeError, ValueError) as error:
            raise BadLayout("A name in the dump is not UTF-8.") from error

    @property
    def place(self) -> str | None:
        """Where the digits of a bytea are; None for one that is empty or not in hexadecimal."""
        digits = self.size - len(HEX)
        return f"{self.at + len(HEX)}+{digits}" if self.start.startswith(HEX) and digits > 0 else None


def _unescaped(found: re.Match[bytes]) -> bytes:
    text = found[1]
    if text[:1] == b"x" and len(text) > 1:
        return bytes([int(text[1:], 16)])
    if text[:1].isdigit():
        return bytes([int(text, 8) & 0xFF])
    return LETTERS.get(text, text)


class _Reading:
    """One pass over the file."""

    def __init__(self, file: BinaryIO, catalogue: Catalogue) -> None:
        self._file, self._catalogue, self._at = file, catalogue, 0
        self._found: set[str] = set()
        self._apps: dict[str, str] = {}
        self._is_complete = False

    def read(self) -> None:
        start = self._file.read(5)
        if advice := next((text for sign, text in OTHER_FILES.items() if start.startswith(sign)), None):
            raise BadLayout(advice)
        self._file.seek(0)
        models: list[tuple[str | None, ...]] = []
        while line := self._line():
            if copy := COPY.match(line):
                models += self._block(copy[1].decode(), [name.strip(b' "').decode() for name in copy[2].split(b",")])
            elif INSERT.match(line):
                raise BadLayout("This dump was written with --inserts. Make one without that option.")
            elif (encoding := ENCODING.match(line)) and encoding[1].upper() not in (b"UTF8", b"UTF-8"):
                raise BadLayout("This dump is not in UTF-8. Make it with pg_dump --encoding=UTF8.")
            self._is_complete |= line.startswith(COMPLETE)
        self._check()
        self._catalogue.add_services(
            Service(str(key), Kind(str(kind)), name or "", self._apps.get(str(app), ""))
            for name, app, key, kind in models
            if app != DEMO and key and kind in list(Kind)
        )

    def _check(self) -> None:
        if not self._is_complete:
            raise Truncated("The dump ends early: its last lines are missing. Make it again.")
        if missing := NEEDED - self._found:
            if "face" in self._found:
                raise OldVersion(TOO_OLD)
            raise BadLayout(f"This is not a dump of CompreFace: it has no table {', '.join(sorted(missing))}.")

    def _block(self, table: str, columns: Sequence[str]) -> list[tuple[str | None, ...]]:
        """Take in the rows of a table; those of services are returned, as they need the names of applications."""
        self._found.add(table)
        wanted = COLUMNS.get(table, ())
        if missing := set(wanted) - set(columns):
            if table == "embedding":
                raise OldVersion(TOO_OLD)
            raise BadLayout(f"The table {table} of the dump has no column {', '.join(sorted(missing))}.")
        places = [columns.index(name) for name in wanted]
        rows = ([row[place] for place in places] for row in self._rows(table, len(columns)))
        match table:
            case "subject":
                self._catalogue.add_subjects(tuple(map(_required, row)) for row in rows)  # type: ignore[misc]
            case "embedding":
                self._catalogue.add_examples((_required(row[0]), _required(row[1]), row[2].text) for row in rows)
            case "img":
                self._catalogue.add_pictures((_required(row[0]), row[1].place) for row in rows)
            case "app":
                self._apps.update((_required(row[0]), row[1].text or "") for row in rows)
            case "model":
                return [tuple(field.text for field in row) for row in rows]
            case _:
                for _row in rows:
                    pass
        return []

    def _rows(self, table: str, columns: int) -> Iterator[list[Field]]:
        while True:
            fields = [Field(self._at)]
            piece = self._line()
            if piece.rstrip(b"\r\n") == rb"\.":
                return
            while True:
                at = self._at - len(piece)
                is_end = piece.endswith(b"\n")
                for place, part in enumerate(piece.removesuffix(b"\n").split(b"\t")):
                    if place:
                        fields.append(Field(at))
                    fields[-1].add(part)
                    at += len(part) + 1
                if is_end:
                    break
                piece = self._line()
                if not piece:
                    raise Truncated(f"The dump ends in the middle of the table {table}. Make it again.")
            fields[-1].drop_return()
            if len(fields) != columns:
                raise BadLayout(f"A row of the table {table} has {len(fields)} fields instead of {columns}.")
            yield fields

    def _line(self) -> bytes:
        """The next line, or the next piece of a long one; empty at the end."""
        line = self._file.readline(PIECE)
        self._at += len(line)
        return line


def _required(field: Field) -> str:
    text = field.text
    if text is None:
        raise BadLayout("A row of the dump lacks its id, its key or its name.")
    return text
