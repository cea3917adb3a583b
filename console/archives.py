"""ZIP files of stored photographs, each with a sidecar that says who is where on it."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models.fields.files import FieldFile
from django.utils.formats import number_format

from console.exceptions import TooManyForOneFile
from errors import FaceAppError
from storage.files import read_file, stored_size
from vision.sidecars import sidecar_for
from vision.types import Box

MOST_FILES = 1000
MOST_BYTES = 2_000_000_000
MOST_NAMED = 200  # rows that the audit names; it has the count of all


def require_room(images: Any, refusal: str) -> int:
    """How many files a queryset of images has. Raises `TooManyForOneFile` with `refusal`, which tells the limits."""
    found = list(images.only("image", "stored_bytes")[: MOST_FILES + 1])
    if len(found) > MOST_FILES or sum(map(_size_of, found)) > MOST_BYTES:
        most = {"files": number_format(MOST_FILES, force_grouping=True), "size": MOST_BYTES // 10**9}
        raise TooManyForOneFile(refusal % most)
    return len(found)


def _size_of(image: Any) -> int:
    """Bytes of its file; of one that was stored before sizes were recorded, the store is asked."""
    return int(image.stored_bytes) or stored_size(file=image.image)


@dataclass(frozen=True)
class Packed:
    """A photograph by its number, and the faces on it with their names (empty: not known)."""

    number: int
    file: FieldFile
    faces: Sequence[tuple[str, Box]]


def zipped(rows: Iterable[Packed], *, folder: str, table: Callable[[], str] | None = None) -> Iterator[bytes]:
    """File by file: no more than one is in memory. Files that cannot be read are listed in it.

    `table` is asked for the text of `<folder>.csv` in the end.
    """
    out, missing = Pipe(), ["number,code\r\n"]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for row in rows:
            try:
                data = read_file(file=row.file)
            except FaceAppError as error:
                missing.append(line_of([str(row.number), error.code]))
                continue
            name = f"{folder}/{row.number}.{(row.file.name or '').rpartition('.')[2]}"
            packed.writestr(name, data)
            if row.faces:
                packed.writestr(f"{name}.xmp", sidecar_for(data, row.faces))
            yield out.taken()
        if table:
            packed.writestr(f"{folder}.csv", table())
        if len(missing) > 1:
            packed.writestr("missing.csv", "".join(missing))
    yield out.taken()


class Pipe(io.RawIOBase):
    """A file that is only written; what was written is taken away again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]  # any buffer
        self._waiting += piece
        return len(piece)

    def taken(self) -> bytes:
        data = bytes(self._waiting)
        self._waiting.clear()
        return data


def line_of(cells: Iterable[str]) -> str:
    """A line of CSV."""
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
