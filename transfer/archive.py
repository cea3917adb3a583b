"""The format of an archive of people: a ZIP file of the images as they were stored, the records, and a manifest.

The file as a whole is encrypted unless its maker wants it open (`transfer.sealing`).

    manifest.json         format, version, counts, calibrations, the SHA-256 of people.jsonl
    people.jsonl          one person per line, as in `transfer.archive_records`
    images/<sha256>.jpg   the stored bytes; the name is the checksum

The manifest holds the checksum of people.jsonl, whose records hold the checksums of all images, so a reader needs
neither all records nor all images in memory. Checksums reveal damage, not who made the archive.

Nothing is unpacked by name: an archive with any other entry is refused.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from environment import open_regular
from errors import InvalidInput
from storage.files import content_hash
from transfer.archive_records import IMAGE, CalibrationRecord, ImageRecord, PersonRecord
from transfer.scratch import scratch_file
from transfer.sealing import Key, Lock, is_sealed, seal, unseal

FORMAT, VERSION = "faceapp-people", 1
MANIFEST, RECORDS = "manifest.json", "people.jsonl"
MOST_MANIFEST = 1 << 20  # bytes
MOST_RECORD = 64 << 20  # bytes of one person, some thousand photographs
CHUNK = 1 << 20
# What zipfile raises for a file that is not a ZIP file, is damaged, encrypted, or compressed in an unknown way.
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


class BadArchive(InvalidInput):
    """The file is not an archive, is damaged, was altered, or has entries that do not belong there."""

    code = "archive.damaged"


class ArchiveWriter:
    """Takes images and people one by one; `finish` adds the records and the manifest."""

    def __init__(self, archive: zipfile.ZipFile, records: IO[bytes]) -> None:
        self._archive, self._records = archive, records
        self._written: set[str] = set()
        self._digest = sha256()

    def add_image(self, data: bytes, *, extension: str) -> str:
        """Returns the entry's name. An image of several people is written once."""
        name = f"images/{content_hash(data)}{extension}"
        if name not in self._written:
            self._archive.writestr(zipfile.ZipInfo(name), data)  # not deflated: images are compressed already
            self._written.add(name)
        return name

    def add_person(self, record: PersonRecord) -> None:
        line = record.to_line()
        self._digest.update(line)
        self._records.write(line)

    def finish(self, manifest: dict[str, Any]) -> None:
        self._records.seek(0)
        with self._archive.open(_deflated(RECORDS), "w", force_zip64=True) as entry:
            while chunk := self._records.read(CHUNK):
                entry.write(chunk)
        complete = {"format": FORMAT, "version": VERSION, **manifest, "sha256": {RECORDS: self._digest.hexdigest()}}
        self._archive.writestr(_deflated(MANIFEST), json.dumps(complete, indent=2))


def _deflated(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


@contextmanager
def writing(file: Path, lock: Lock) -> Iterator[ArchiveWriter]:
    """An archive that only its owner may read and that gets its name once it is complete. Raises OSError.

    If it is to be encrypted, nothing of it lies open on the disk meanwhile.
    """
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        with (
            os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as handle,
            scratch_file(file.parent) as records,
            scratch_file(file.parent) if lock else nullcontext(handle) as plain,
        ):
            with zipfile.ZipFile(plain, "w") as archive:
                yield ArchiveWriter(archive, records)
            if lock:
                plain.seek(0)
                seal(plain, handle, lock)
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)


class ArchiveReader:
    """An open archive; `verify` it before anything of it is used. Every method raises `BadArchive`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._entries = _entries(archive)
        try:
            manifest = json.loads(self._read(MANIFEST, MOST_MANIFEST))
        except ValueError as error:
            raise BadArchive("The manifest cannot be read.") from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise BadArchive("This is not an archive of people.")
        if manifest.get("version") != VERSION:
            raise BadArchive(f"This service reads archives of version {VERSION}.", code="archive.unknown_version")
        self.manifest: dict[str, Any] = manifest

    def verify(self, *, advance: Callable[[], object]) -> int:
        """Compare every checksum and read every record; `advance` is called for each person. Returns their number.

        Raises `BadRecord` as well.
        """
        people, digest, used = 0, sha256(), {MANIFEST, RECORDS}
        for line in self._lines():
            digest.update(line)
            for image in PersonRecord.of_line(line).images:
                if image.file:
                    self.read_image(image)
                    used.add(image.file)
            people += 1
            advance()
        checksums = self.manifest.get("sha256")
        if not isinstance(checksums, dict) or digest.hexdigest() != checksums.get(RECORDS):
            raise BadArchive("The checksum of the people is wrong: the archive is damaged or was altered.")
        if self._entries.keys() - used:
            raise BadArchive("The archive contains images that belong to no person.")
        return people

    def people(self) -> Iterator[PersonRecord]:
        """The records in their order, one at a time."""
        for line in self._lines():
            yield PersonRecord.of_line(line)

    def calibrations(self) -> list[CalibrationRecord]:
        """The client's thresholds. Raises `BadRecord` as well."""
        found = self.manifest.get("calibrations")
        return [CalibrationRecord.of_json(row) for row in found] if isinstance(found, list) else []

    def read_image(self, image: ImageRecord) -> bytes:
        """The bytes of an image that has a file, compared with their checksum."""
        data = self._read(str(image.file), settings.MAX_IMAGE_BYTES)
        if content_hash(data) != image.content_hash:
            raise BadArchive("The checksum of an image is wrong: the archive is damaged or was altered.")
        return data

    def _read(self, name: str, most: int) -> bytes:
        if name not in self._entries:
            raise BadArchive("The archive is incomplete.")
        if self._entries[name].file_size > most:
            raise BadArchive(f"An entry is larger than {most} bytes.")
        with damage(), self._archive.open(self._entries[name]) as entry:
            return entry.read()

    def _lines(self) -> Iterator[bytes]:
        if RECORDS not in self._entries:
            raise BadArchive("The archive is incomplete.")
        with damage(), self._archive.open(self._entries[RECORDS]) as entry:
            while line := entry.readline(MOST_RECORD):
                if not line.endswith(b"\n"):
                    raise BadArchive("A record is incomplete or too long.")
                yield line


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries by name. Raises `BadArchive` for repeated names, and for names that `ArchiveWriter` never writes."""
    entries = {info.filename: info for info in archive.infolist()}
    if len(entries) != len(archive.infolist()):
        raise BadArchive("The archive contains an entry twice.")
    if any(name not in (MANIFEST, RECORDS) and not IMAGE.fullmatch(name) for name in entries):
        raise BadArchive("The archive contains an entry that does not belong there.", code="archive.bad_entry")
    return entries


@contextmanager
def damage() -> Iterator[None]:
    """Turns what a damaged file raises into `BadArchive`."""
    try:
        yield
    except DAMAGED as error:
        raise BadArchive("The archive is damaged or not a ZIP file.") from error


@contextmanager
def reading(file: Path, key: Key) -> Iterator[ArchiveReader]:
    """The archive while it is open. Raises `BadArchive`, or `ArchiveLocked` without the key of an encrypted one."""
    with ExitStack() as opened:
        with damage():
            handle: IO[bytes] = opened.enter_context(open_regular(file))
            if is_sealed(handle):
                sealed, handle = handle, opened.enter_context(scratch_file())
                unseal(sealed, handle, key)
                handle.seek(0)
            archive = opened.enter_context(zipfile.ZipFile(handle))
        yield ArchiveReader(archive)
