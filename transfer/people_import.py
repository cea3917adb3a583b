"""Enrolling many people from the administrator's disk, one photograph at a time.

A run may be stopped anywhere and repeated: photographs are recognised by their content and skipped.

The people are in a folder with one sub-folder per person, whose name is the external id and the name; or in a table
with the columns image (a path relative to the table) and external_id, and optionally name, source and metadata (a JSON
object).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audit.services import record
from audit.types import Action
from clients.models import Client
from errors import InvalidInput
from people.models import Person, ReferenceImage
from people.services import checked, enrol_face
from people.types import LONGEST, EnrolmentRules, Refusal, Whom
from storage.files import STORAGE_ERRORS, content_hash, storable
from transfer.cutting import cut_out
from transfer.folders import check_file, read_people, read_upload, shown, unreadable
from transfer.tables import read_table
from transfer.types import Outcome
from vision.regions import Region
from vision.types import Upload

REQUIRED = ("image", "external_id")


@dataclass(frozen=True)
class Row:
    """A photograph to enrol and the person it shows, or with `refusal` why it is not tried.

    `region`: which part of it, where the photograph shows others as well. `metadata` None keeps the person's present
    metadata.
    """

    path: Path
    shown: str
    external_id: str = ""
    source: str = ""
    name: str = ""
    metadata: dict[str, Any] | None = None
    refusal: Refusal | None = None
    region: Region | None = None


def read_rows(source: Path, *, default_source: str = "") -> list[Row]:
    """Every photograph of a folder or a table. Raises `BadLayout`."""
    if source.is_file():
        return list(_rows_of_table(source, default_source))
    rows = []
    for person in read_people(source):
        name = person.name[: LONGEST["name"]]
        rows += [Row(path, shown(path), person.name, default_source, name) for path in person.files]
        rows += [Row(source, refusal.name, refusal=refusal) for refusal in person.refused]
    return rows


def _rows_of_table(file: Path, default_source: str) -> Iterator[Row]:
    root = file.parent.resolve()
    for row in read_table(file, required=REQUIRED):
        name, external_id = row["image"], row["external_id"]
        path = root / name
        refusal = check_file(path, root, name)
        if not refusal and not external_id:
            refusal = Refusal(name, "import.bad_record", "The external_id is empty.")
        try:
            metadata = _read_metadata(row.get("metadata", ""))
        except ValueError:
            metadata = None
            refusal = refusal or Refusal(name, "import.bad_record", "The metadata is not a JSON object.")
        source = row.get("source") or default_source
        yield Row(path, name, external_id, source, row.get("name", ""), metadata, refusal)


def _read_metadata(text: str) -> dict[str, Any] | None:
    """None for an empty cell. Raises ValueError."""
    found = json.loads(text) if text else None
    if found is not None and not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def import_rows(
    *, client: Client, rows: Iterable[Row], rules: EnrolmentRules, outcome: Outcome, advance: Callable[[], object]
) -> None:
    """Enrol the photographs that are not enrolled yet; `advance` is called after each. Raises `Unavailable`."""
    for row in rows:
        _import_row(client, row, rules, outcome)
        advance()
    record(Action.IMPORT, client_id=client.pk, results=outcome.images)


def count_rows(rows: Iterable[Row], outcome: Outcome) -> None:
    """What could be imported, if every photograph shows a usable face and nobody is known yet."""
    names = set()
    for row in rows:
        if refusal := row.refusal or _check_values(row):
            outcome.refused.append(refusal)
            continue
        outcome.images += 1
        names.add(row.external_id)
    outcome.added = len(names)


def _import_row(client: Client, row: Row, rules: EnrolmentRules, outcome: Outcome) -> None:
    read = row.refusal or _check_values(row) or _read(row)
    if isinstance(read, Refusal):
        outcome.refused.append(read)
        return
    upload, marked = read
    person = Person.objects.of_client(client).in_sources([row.source]).filter(external_id=row.external_id).first()
    if person and content_hash(storable(upload.data)) in known_hashes(person):
        outcome.known += 1
        return
    whom = Whom(external_id=row.external_id, source=row.source, name=row.name, metadata=row.metadata)
    try:
        done = enrol_face(client=client, upload=upload, whom=whom, rules=replace(rules, marked=marked))
    except InvalidInput as error:
        outcome.refused.append(Refusal(row.shown, error.code, error.message))
        return
    outcome.images += 1
    outcome.added += done.created
    if alike := sorted({other.person.external_id or f"person {other.person.number}" for other in done.duplicates}):
        message = f"Enrolled, but the same face is enrolled as {', '.join(alike)}."
        outcome.alike.append(Refusal(row.shown, "face.enrolled_elsewhere", message))


def _read(row: Row) -> tuple[Upload, Region | None] | Refusal:
    """The photograph, or the part of it that is meant and where the face is there."""
    if row.region is None:
        upload = read_upload(row.path, row.shown)
        return upload if isinstance(upload, Refusal) else (upload, None)
    try:
        return cut_out(row.path, row.path.name, row.region)
    except InvalidInput as error:
        return Refusal(row.shown, error.code, error.message)
    except OSError as error:
        return unreadable(row.shown, error)


def _check_values(row: Row) -> Refusal | None:
    """Why the person's fields cannot be stored. Looking such values up would fail as well."""
    try:
        fields = {"external_id": row.external_id, "source": row.source, "name": row.name}
        checked(fields | {"metadata": row.metadata or {}})
    except InvalidInput as error:
        return Refusal(row.shown, error.code, error.message)
    return None


def known_hashes(person: Person) -> set[str]:
    """The content hash of each photograph of a person or blacklist entry.

    Files are read only for rows that were stored without a hash, and then the hash is added to the row.
    """
    images = ReferenceImage.objects.filter(person_id=person.pk)
    for image in images.filter(content_hash="").exclude(image=""):
        try:
            with image.image.open("rb") as handle:
                images.filter(pk=image.pk).update(content_hash=content_hash(handle.read()))
        except STORAGE_ERRORS:  # lost: the photograph will be enrolled again
            continue
    return set(images.exclude(content_hash="").values_list("content_hash", flat=True))
