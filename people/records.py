"""Persons as records: made, found, changed. Whoever is on the blacklist is no person of the gallery."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from clients.models import Client
from people.exceptions import (
    ExternalIdTaken,
    PersonNotFound,
    ReferenceImageNotFound,
    SourceReserved,
    UnusableValue,
)
from people.models import BLACKLIST, FaceTemplate, Person, ReferenceImage
from people.portraits import lock_person
from storage.files import erase_files

LONGEST = {"external_id": 512, "source": 100, "name": 100}  # characters, as the tables have it
MAX_METADATA = 10_000  # characters of JSON
TAKEN = "A person with this external id exists already in this source."


def create_person(
    *,
    client: Client,
    external_id: str | None = None,
    name: str = "",
    source: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Person:
    """A person without a face yet. Raises `ExternalIdTaken`, `SourceReserved` or `UnusableValue`."""
    fields = checked(external_id=external_id, name=name, source=source, metadata=metadata or {})
    return save_person(person=Person(client=client, **fields))


def save_person(*, person: Person) -> Person:
    """Insert or update a row. Raises `ExternalIdTaken`."""
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as error:
        if "person_external_id_unique" not in str(error):
            raise
        raise ExternalIdTaken(TAKEN) from error
    return person


def require_free_id(*, client: Client, external_id: str | None, source: str) -> None:
    """Spare the engines the work for an id that is taken; `save_person` decides. Raises `ExternalIdTaken`."""
    people = Person.objects.of_client(client).filter(source=source)
    if external_id is not None and people.filter(external_id=external_id).exists():
        raise ExternalIdTaken(TAKEN)


def checked(**fields: Any) -> dict[str, Any]:
    """The fields of a person as they are stored: an empty external id is none. Raises `UnusableValue` for what the
    tables cannot hold, and `SourceReserved`.
    """
    for field in LONGEST:
        if fields.get(field) is not None:
            _check_text(field, fields[field])
    if fields.get("source") == BLACKLIST:
        raise SourceReserved("The source 'blacklist' is kept for screening. Choose another.")
    if "metadata" in fields:
        _check_metadata(fields["metadata"])
    return {field: _stored(field, value) for field, value in fields.items()}


def _stored(field: str, value: Any) -> Any:
    if field == "metadata":
        return dict(value)
    return value or None if field == "external_id" else value


def _check_text(field: str, text: Any) -> None:
    if not isinstance(text, str):
        raise UnusableValue(f"{field} must be text.")
    if len(text) > LONGEST[field]:
        raise UnusableValue(f"{field} may have {LONGEST[field]} characters at most.")
    if not _storable(text):
        raise UnusableValue(f"{field} holds characters that cannot be stored.")


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, Mapping):
        raise UnusableValue("metadata must be an object.")
    try:
        text = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnusableValue("metadata must be plain JSON.") from error
    if len(text) > MAX_METADATA:
        raise UnusableValue(f"metadata may have {MAX_METADATA} characters of JSON at most.")
    if "\\u0000" in text or not _storable(text):
        raise UnusableValue("metadata holds characters that cannot be stored.")


def _storable(text: str) -> bool:
    """PostgreSQL takes neither NUL nor halves of surrogate pairs."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def get_person(*, client: Client, person_id: int) -> Person:
    """Raises `PersonNotFound` for unknown ids, other clients' people and blacklist entries alike."""
    found = Person.objects.of_client(client).enrolled().filter(pk=person_id).first()
    if found is None:
        raise PersonNotFound("Person not found")
    return found


def find_person(*, client: Client, external_id: str, source: str | None = None) -> Person:
    """The person with this external id, of this source or (None) of any, the oldest first. Raises `PersonNotFound`."""
    people = Person.objects.of_client(client).enrolled().order_by("id")
    if source is not None:
        people = people.filter(source=source)
    found = people.filter(external_id=external_id).first() if _storable(external_id + (source or "")) else None
    if found is None:
        raise PersonNotFound("Person not found")
    return found


@transaction.atomic
def update_person(*, person: Person, changes: Mapping[str, Any]) -> Person:
    """Change `external_id`, `name`, `source` or `metadata`; what is not named stays, also what others change meanwhile.

    Raises `PersonNotFound`, `ExternalIdTaken`, `SourceReserved` or `UnusableValue`.
    """
    fields = checked(**changes)
    stored = lock_enrolled(person)
    for field, value in fields.items():
        setattr(stored, field, value)
    save_person(person=stored)
    if "source" in fields:  # searches read it there
        FaceTemplate.objects.of_person(stored).update(source=stored.source)
    return stored


def lock_enrolled(person: Person, *, to_erase: bool = False) -> Person:
    """`lock_person` for people of the gallery: a blacklist entry is not found."""
    stored = lock_person(person.pk, to_erase=to_erase)
    if stored.source == BLACKLIST:
        raise PersonNotFound("Person not found")
    return stored


# ---- photographs ------------------------------------------------------------------------------------------------
def get_reference_image(*, person: Person, image_id: int) -> ReferenceImage:
    """Raises `ReferenceImageNotFound` unless the photograph is one of this person."""
    found: ReferenceImage | None = ReferenceImage.objects.filter(person=person, pk=image_id).first()
    if found is None:
        raise ReferenceImageNotFound("Reference image not found")
    return found


@transaction.atomic
def set_primary_image(*, person: Person, image_id: int) -> ReferenceImage:
    """Let this photograph stand for the person. Raises `PersonNotFound` or `ReferenceImageNotFound`."""
    lock_enrolled(person)
    chosen = get_reference_image(person=person, image_id=image_id)
    ReferenceImage.objects.filter(person=person, is_primary=True).update(is_primary=False)
    chosen.is_primary = True
    chosen.save(update_fields=["is_primary"])
    return chosen


@transaction.atomic
def delete_reference_image(*, person: Person, image_id: int) -> None:
    """Remove one photograph with its templates; the last one may go too. Raises `PersonNotFound`,
    `ReferenceImageNotFound`, or `Unavailable` when its file cannot be deleted.
    """
    lock_enrolled(person)
    image = get_reference_image(person=person, image_id=image_id)
    image.delete()
    erase_files(files=[image.image])
