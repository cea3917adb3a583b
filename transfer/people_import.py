"""Enrolling many people from the administrator's disk, one photograph at a time, so that a run may stop anywhere and
be repeated: what is there is told by its content and skipped.

Either a folder with one sub-folder per person, whose name is the external id and the name; or a table with the columns
image (a path relative to the table) and external_id, and where wanted name, source and metadata (a JSON object).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clients.models import Client
from errors import InvalidInput
from people.models import Person, ReferenceImage
from people.services import checked, enrol_face
from people.types import LONGEST, Enrolment, EnrolmentRules, Gate, Refusal, Whom
from storage.files import STORAGE_ERRORS, content_hash
from transfer.folders import check_file, read_people, read_table, read_upload, shown
from vision.types import Upload

REQUIRED = ("image", "external_id")


@dataclass(frozen=True)
class Row:
    """A photograph to enrol and whose it is; or, with `refusal`, why it is not even tried. Without metadata those that
    are stored stay.
    """

    path: Path
    shown: str
    external_id: str = ""
    source: str = ""
    name: str = ""
    metadata: dict[str, Any] | None = None
    refusal: Refusal | None = None


@dataclass
class Outcome:
    """What an import did so far. `alike`: photographs whose face is enrolled under another id as well."""

    people: int = 0
    images: int = 0
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)
    alike: list[Refusal] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the set is in the gallery now."""
        return not self.images and not self.known and not self.people


def read_rows(source: Path, *, default_source: str = "") -> list[Row]:
    """Every photograph of a folder or a table. Raises `BadLayout`."""
    return list(_of_table(source, default_source) if source.is_file() else _of_folder(source, default_source))


def _of_folder(folder: Path, source: str) -> Iterator[Row]:
    for person in read_people(folder):
        for path in person.files:
            yield Row(path, shown(path), person.name, source, person.name[: LONGEST["name"]])
        for refusal in person.refused:
            yield Row(folder, refusal.name, refusal=refusal)


def _of_table(file: Path, default_source: str) -> Iterator[Row]:
    root = file.parent.resolve()
    for row in read_table(file, required=REQUIRED):
        name, external_id = row["image"], row["external_id"]
        path = root / name
        refusal = check_file(path, root, name) or (None if external_id else _bad(name, "The external_id is empty."))
        try:
            metadata = _metadata(row.get("metadata", ""))
        except ValueError:
            metadata, refusal = None, refusal or _bad(name, "The metadata is no JSON object.")
        source = row.get("source") or default_source
        yield Row(path, name, external_id, source, row.get("name", ""), metadata, refusal)


def _metadata(text: str) -> dict[str, Any] | None:
    """An empty cell says nothing. Raises ValueError."""
    found = json.loads(text) if text else None
    if found is not None and not isinstance(found, dict):
        raise ValueError
    return found


def _bad(name: str, message: str) -> Refusal:
    return Refusal(name, "import.bad_record", message)


def import_row(*, client: Client, row: Row, gate: Gate | None, outcome: Outcome) -> None:
    """Enrol one photograph unless it is there already. `outcome` grows by it. Raises `Unavailable`."""
    upload = row.refusal or _check_values(row) or read_upload(row.path, row.shown)
    if isinstance(upload, Refusal):
        outcome.refused.append(upload)
    elif _is_known(client, row, upload):
        outcome.known += 1
    else:
        _enrol(client, row, upload, gate, outcome)


def _check_values(row: Row) -> Refusal | None:
    """Whether the person's fields could be stored, before any of them is looked for."""
    try:
        fields = {"external_id": row.external_id, "source": row.source, "name": row.name}
        checked(fields | {"metadata": row.metadata or {}})
    except InvalidInput as error:
        return Refusal(row.shown, error.code, error.message)
    return None


def _is_known(client: Client, row: Row, upload: Upload) -> bool:
    person = Person.objects.of_client(client).in_sources([row.source]).filter(external_id=row.external_id).first()
    return person is not None and content_hash(upload.data) in known_hashes(person)


def known_hashes(person: Person) -> set[str]:
    """The content hash of each stored photograph; of older ones it is taken now and kept."""
    images = ReferenceImage.objects.filter(person=person)
    for image in images.filter(content_hash=""):
        try:
            with image.image.open("rb") as handle:
                images.filter(pk=image.pk).update(content_hash=content_hash(handle.read()))
        except STORAGE_ERRORS:  # lost: it will be enrolled again
            continue
    return set(images.exclude(content_hash="").values_list("content_hash", flat=True))


def _enrol(client: Client, row: Row, upload: Upload, gate: Gate | None, outcome: Outcome) -> None:
    try:
        done = enrol_face(
            client=client,
            upload=upload,
            whom=Whom(external_id=row.external_id, source=row.source, name=row.name, metadata=row.metadata),
            rules=EnrolmentRules(gate=gate),
        )
    except InvalidInput as error:
        outcome.refused.append(Refusal(row.shown, error.code, error.message))
    else:
        outcome.images += 1
        outcome.people += done.created
        outcome.alike += _alike(row, done)


def _alike(row: Row, done: Enrolment) -> list[Refusal]:
    ids = sorted({candidate.person.external_id or f"person {candidate.person.number}" for candidate in done.duplicates})
    message = f"Enrolled, but the same face is there as {', '.join(ids)}."
    return [Refusal(row.shown, "face.enrolled_elsewhere", message)] if ids else []


def import_rows(
    *, client: Client, rows: list[Row], gate: Gate | None, outcome: Outcome, advance: Callable[[], object]
) -> None:
    """`import_row` for each; `advance` is called after each."""
    for row in rows:
        import_row(client=client, row=row, gate=gate, outcome=outcome)
        advance()
