"""Persons as records: creating, finding and changing them. Blacklist entries are not found here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from audit.types import Action
from clients.models import Client
from clients.numbering import public_id, record_rows
from errors.text import is_storable
from people.elsewhere.places import settle
from people.exceptions import ExternalIdTaken, PersonNotFound, UnusableValue
from people.models import FaceTemplate, Gallery, GalleryKind, Person, ReferenceImage
from people.types import LONGEST

MAX_METADATA = 10_000  # characters of JSON
TAKEN = "A person with this external id exists already in this source."


def create_person(
    *,
    client: Client,
    external_id: str | None = None,
    name: str = "",
    source: str = "",
    metadata: Mapping[str, Any] | None = None,
    legal_basis: str = "",
) -> Person:
    """A person without a face yet, in the gallery that `source` names. Raises `ExternalIdTaken` or `UnusableValue`."""
    texts = {"external_id": external_id, "name": name, "source": source, "legal_basis": legal_basis}
    fields = checked(texts | {"metadata": metadata or {}})
    with transaction.atomic():
        gallery = Gallery.objects.named(client, fields.pop("source"))
        person = save_person(person=Person(client=client, gallery=gallery, **fields))
        record_rows(Action.CREATE, [person])
    return person


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


def get_person(*, client: Client, person_id: int | str | UUID) -> Person:
    """By number or UUID. Raises `PersonNotFound`, also for other clients' people and for blacklist entries."""
    people = Person.objects.of_client(client).of_kind(GalleryKind.PEOPLE).select_related("client", "gallery")
    found = people.filter(public_id(person_id)).first()
    if found is None:
        raise PersonNotFound("Person not found")
    return found


def find_person(*, client: Client, external_id: str, source: str | None = None) -> Person:
    """The person with this external id in the gallery that `source` names, or the oldest one in any (None).

    Raises `PersonNotFound`.
    """
    people = Person.objects.of_client(client).of_kind(GalleryKind.PEOPLE).select_related("client", "gallery")
    if source is not None:
        people = people.in_sources([source])
    storable = is_storable(external_id + (source or ""))
    found = people.filter(external_id=external_id).order_by("id").first() if storable else None
    if found is None:
        raise PersonNotFound("Person not found")
    return found


@transaction.atomic
def update_person(*, person: Person, changes: Mapping[str, Any]) -> Person:
    """Change the fields of `checked` that are given, and nothing else, even if others change it meanwhile.

    Raises `PersonNotFound`, `ExternalIdTaken` or `UnusableValue`.
    """
    fields = checked(changes)
    stored = lock_enrolled(person)
    if "source" in fields:
        stored.gallery = Gallery.objects.named(stored.client, fields.pop("source"))
        FaceTemplate.objects.of_person(stored).update(gallery=stored.gallery)  # searches read it there
    for field, value in fields.items():
        setattr(stored, field, value)
    record_rows(Action.CHANGE, [stored])
    save_person(person=stored)
    settle(list(stored.reference_images.values_list("pk", flat=True)), stored.gallery)
    return stored


def lock_person(person_id: int, *, to_erase: bool = False) -> Person:
    """The person as it is now, kept from changes and erasure until the transaction ends. Raises `PersonNotFound`.

    `to_erase` also excludes everyone who stores rows that refer to the person.
    """
    person = Person.objects.select_for_update(no_key=not to_erase).filter(pk=person_id).first()
    if person is None:
        raise PersonNotFound("Person not found")
    return person


def lock_several(*people: Person) -> list[Person]:
    """`lock_enrolled`, to erase, for several people of one client: in one order, so that no two callers block."""
    locked = {pk: lock_person(pk, to_erase=True) for pk in sorted({person.pk for person in people})}
    if any(one.kind != GalleryKind.PEOPLE for one in locked.values()):
        raise PersonNotFound("Person not found")
    return [locked[person.pk] for person in people]


def lock_enrolled(person: Person, *, to_erase: bool = False) -> Person:
    """`lock_person` for known people: a blacklist entry is not found."""
    stored = lock_person(person.pk, to_erase=to_erase)
    if stored.kind != GalleryKind.PEOPLE:
        raise PersonNotFound("Person not found")
    return stored


def lock_owner_of(image_id: int) -> Person:
    """The person who has the photograph now: it may have been given to another one. Raises `PersonNotFound`."""
    while image := ReferenceImage.objects.filter(pk=image_id).first():
        with suppress(PersonNotFound):  # merged into another one between the two statements
            person = lock_person(image.person_id)
            if ReferenceImage.objects.filter(pk=image_id, person=person).exists():
                return person
    raise PersonNotFound("Person not found")


# ---- values -----------------------------------------------------------------------------------------------------
def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a person as they are stored; an empty external id becomes None. Raises `UnusableValue`."""
    stored = dict(fields)
    for field, longest in LONGEST.items():
        text = fields.get(field)
        if text is None:
            continue
        if not isinstance(text, str):
            raise UnusableValue(f"{field} must be text.")
        if len(text) > longest:
            raise UnusableValue(f"{field} may have {longest} characters at most.")
        if not is_storable(text):
            raise UnusableValue(f"{field} holds characters that cannot be stored.")
    if "metadata" in fields:
        stored["metadata"] = _checked_metadata(fields["metadata"])
    if "external_id" in fields:
        stored["external_id"] = fields["external_id"] or None
    return stored


def _checked_metadata(metadata: Any) -> dict[str, Any]:
    if not isinstance(metadata, Mapping):
        raise UnusableValue("metadata must be an object.")
    try:
        text = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnusableValue("metadata must be plain JSON.") from error
    if len(text) > MAX_METADATA:
        raise UnusableValue(f"metadata may have {MAX_METADATA} characters of JSON at most.")
    if "\\u0000" in text or not is_storable(text):
        raise UnusableValue("metadata holds characters that cannot be stored.")
    return dict(metadata)
