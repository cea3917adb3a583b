"""Subjects: the people of a gallery. Their names are external ids, and differ by more than case unless imported."""

from __future__ import annotations

import re

from audit.types import Action
from clients.numbering import record_rows
from compat.compreface.exceptions import BadName, BadValue, StillErasing, SubjectExists, UnknownSubject
from errors.text import is_storable
from people.exceptions import ExternalIdTaken, PersonNotFound
from people.models import Gallery, Person
from people.services import create_person, erase_people, erase_person, merge_persons, update_person

LONGEST = 50  # characters of a name in a JSON body; others may have as many as an external id
LONGEST_SHOWN = 100  # characters of a person's name
SPECIAL = re.compile(r"[;/\\]")
ERASING_SECONDS = 50.0  # of a call


def title(person: Person) -> str:
    """What a person is called as a subject."""
    return person.external_id or str(person)


def look_up(*, gallery: Gallery, name: str) -> Person | None:
    """The subject of this name, rather in the same case than in another.

    Nobody is known by a name that several people without an external id have: which of them is meant cannot be told.
    """
    if not is_storable(name):
        return None
    people = Person.objects.filter(gallery=gallery).select_related("client", "gallery").order_by("pk")
    known = people.filter(external_id=name).first() or people.filter(external_id__iexact=name).first()
    named = [] if known else list(people.filter(external_id=None, name__iexact=name)[:2])
    return named[0] if len(named) == 1 else known


def find(*, gallery: Gallery, name: str) -> Person:
    """Raises `UnknownSubject`."""
    person = look_up(gallery=gallery, name=name)
    if person is None:
        raise UnknownSubject(f"Subject {name} not found")
    return person


def names(*, gallery: Gallery) -> list[str]:
    """Of all subjects, those without an example too. That they are listed is recorded."""
    people = list(Person.objects.filter(gallery=gallery).only("client", "number", "name", "external_id").order_by("pk"))
    record_rows(Action.VIEW, people, results=len(people))
    return [title(person) for person in people]


def checked(name: object) -> str:
    """A name from a JSON body. Raises `BadValue` or `BadName`."""
    if not isinstance(name, str) or not name.strip():
        raise BadValue("Subject name cannot be empty")
    if len(name) > LONGEST:
        raise BadValue(f"Subject name size must be between 1 and {LONGEST}")
    if SPECIAL.search(name):
        raise BadName("The name cannot contain the following special characters: ';', '/', '\\'")
    return name


def create(*, gallery: Gallery, name: str) -> Person:
    """Raises `SubjectExists` or `UnusableValue`."""
    if look_up(gallery=gallery, name=name):
        raise SubjectExists("Subject already exists")
    try:
        return create_person(client=gallery.client, external_id=name, name=name[:LONGEST_SHOWN], source=gallery.name)
    except ExternalIdTaken as error:
        raise SubjectExists("Subject already exists") from error


def rename(*, gallery: Gallery, name: str, new: str) -> bool:
    """Give a subject another name, or everything of it to the subject that has that name. False: it has it already.

    Raises `UnknownSubject`, `SubjectExists` if that name is taken meanwhile, or `UnusableValue`.
    """
    person, other = find(gallery=gallery, name=name), look_up(gallery=gallery, name=new)
    if title(person) == new:
        return False
    try:
        if other is not None and other.pk != person.pk:
            merge_persons(person=other, other=person)
        else:
            shown = {"name": new[:LONGEST_SHOWN]} if person.name in {"", title(person)[:LONGEST_SHOWN]} else {}
            update_person(person=person, changes={"external_id": new, **shown})
    except ExternalIdTaken as error:
        raise SubjectExists("Subject already exists") from error
    except PersonNotFound as error:
        raise UnknownSubject(f"Subject {name} not found") from error
    return True


def delete(*, gallery: Gallery, name: str) -> str:
    """Erase a subject with its examples; returns its name as it was stored. Raises `UnknownSubject`."""
    person = find(gallery=gallery, name=name)
    try:
        erase_person(person=person)
    except PersonNotFound as error:
        raise UnknownSubject(f"Subject {name} not found") from error
    return title(person)


def delete_all(*, gallery: Gallery) -> int:
    """Erase everybody; returns how many there were. Raises `StillErasing`; what is erased by then is."""
    count = Person.objects.filter(gallery=gallery).count()
    if not erase_people(gallery=gallery, seconds=ERASING_SECONDS):
        raise StillErasing("The collection is large. Some of it is erased; call again to erase the rest.")
    return count
