"""Two records of one person become one, a record of two people becomes two, and pairs that are not the same.

Whoever stores, moves or erases a face holds the person meanwhile (`people.persons`), and merging and splitting hold
both. Searches see the earlier state or the new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from audit.types import Action
from clients.idempotency import note_stored
from clients.numbering import record_rows
from notifications.services import forget as forget_notifications
from people.elsewhere.places import settle
from people.erasure import forget_elsewhere, hold_people, holders
from people.evidence import forget_sessions
from people.exceptions import BadMerge, BadSplit
from people.models import (
    CheckedPerson,
    FaceTemplate,
    Gallery,
    KeptApart,
    LookAlikes,
    MergedPerson,
    OddPhotograph,
    Person,
    ReferenceImage,
    ShadowDifference,
)
from people.persons import checked, lock_enrolled, lock_several, save_person
from people.types import Leaving


def merged_fields(person: Person, other: Person) -> dict[str, Any]:
    """What `person` holds once `other` is merged into it: its own values, and the other's where it has none.

    Of metadata with the same key its own counts. Legal bases that differ are kept both. Raises `UnusableValue` if the
    two together are too long.
    """
    bases = dict.fromkeys(filter(None, (person.legal_basis, other.legal_basis)))
    return checked(
        {
            "name": person.name or other.name,
            "external_id": person.external_id or other.external_id,
            "metadata": {**other.metadata, **person.metadata},
            "legal_basis": "; ".join(bases),
        }
    )


@transaction.atomic
def merge_persons(*, person: Person, other: Person) -> Person:
    """Move everything of `other` to `person`, as `merged_fields` says, and remove the record of `other`.

    Photographs, embeddings and named groups of albums are moved as they are; of the photographs the person's own stays
    the primary one. What was said about `other` by its ids remains known of `person`. Classifiers that learned from
    either are dropped, and trained again. Liveness sessions and messages that name `other` are erased.

    Raises `BadMerge` for the same person twice and for people of different clients, `PersonNotFound`, also for
    blacklist entries, `ExternalIdTaken` or `UnusableValue`.
    """
    if person.pk == other.pk or person.client_id != other.client_id:
        raise BadMerge("Name two different people of one client to merge.")
    note_stored()
    person, other = hold_people(person, other)
    fields = merged_fields(person, other)
    Gallery.objects.hold(person.gallery_id)
    forget_learned(person, other)
    forget_sessions(person=other)
    forget_notifications([other.audit_name], client_id=other.client_id)
    for holder in holders():
        holder.hand_over(other, person)
    photographs = list(ReferenceImage.objects.filter(person=other))
    move_photographs(photographs, person, keep_primary=not ReferenceImage.objects.filter(person=person).exists())
    _move_remarks(other, person)
    MergedPerson.objects.filter(person=other).update(person=person)
    MergedPerson.objects.create(person=person, uuid=other.uuid, number=other.number)
    record_rows(Action.MERGE, [person, other, *photographs], results=len(photographs))
    other.delete()
    return _changed(person, fields)


@transaction.atomic
def split_person(*, person: Person, images: Sequence[int], name: str = "", external_id: str | None = None) -> Person:
    """Move some of a person's photographs, by their numbers, to a new person of the same gallery, which is returned.

    The two are remembered as not the same. Classifiers that learned from the person are dropped, and trained again.
    Raises `BadSplit` unless these are some of the person's photographs, and not all, `PersonNotFound`,
    `ExternalIdTaken`, `UnusableValue`, or `TooManyPeople`.
    """
    fields = checked({"name": name, "external_id": external_id})
    person = lock_enrolled(person, to_erase=True)
    Gallery.objects.hold(person.gallery_id)
    own = ReferenceImage.objects.filter(person=person)
    photographs = list(own.filter(number__in=images))
    if not photographs or len(photographs) != len(set(images)) or len(photographs) == own.count():
        raise BadSplit("Name some, but not all, photographs of this person to split off.")
    forget_learned(person)
    new = Person(client=person.client, gallery=person.gallery, legal_basis=person.legal_basis, **fields)
    save_person(person=new)
    move_photographs(photographs, new, keep_primary=False)
    KeptApart.objects.remember([(person.pk, new.pk)])
    record_rows(Action.SPLIT, [person, new, *photographs], results=len(photographs))
    return new


@transaction.atomic
def keep_apart(*, person: Person, other: Person, by: int | None = None) -> None:
    """Remember that two people who look alike are not the same: they are not suggested any more.

    `by`: the id of the user who says so. Raises `BadMerge` as `merge_persons` does, or `PersonNotFound`.
    """
    if person.pk == other.pk or person.client_id != other.client_id:
        raise BadMerge("Name two different people of one client.")
    note_stored()
    person, other = lock_several(person, other)
    KeptApart.objects.remember([(person.pk, other.pk)], by=by)
    record_rows(Action.CHANGE, [person, other])


def forget_learned(*people: Person) -> None:
    """Drop the classifiers that learned from these people, and have them trained again."""
    for person in people:
        forget_elsewhere(Leaving(person, is_whole=False))


def move_photographs(photographs: Sequence[ReferenceImage], to: Person, *, keep_primary: bool) -> None:
    """With their templates; what the gallery's health says of either person's photographs is found anew."""
    both = [to.pk, *{photograph.person_id for photograph in photographs}]
    moved = [photograph.pk for photograph in photographs]
    rows = ReferenceImage.objects.filter(pk__in=moved)
    rows.update(person=to, **({} if keep_primary else {"is_primary": False}))
    FaceTemplate.objects.filter(reference_image__in=moved).update(person=to, gallery=to.gallery_id)
    settle(moved, to.gallery)
    OddPhotograph.objects.filter(person__in=both).delete()
    LookAlikes.objects.filter(Q(image__in=moved) | Q(other_image__in=moved)).delete()
    CheckedPerson.objects.filter(person__in=both).delete()


def _move_remarks(other: Person, person: Person) -> None:
    """Who is not the same as `other`, and what a move to another space would decide otherwise."""
    rows = KeptApart.objects.filter(Q(person=other) | Q(other=other))
    pairs = {(one.person_id if one.other_id == other.pk else one.other_id): one.decided_by_id for one in rows}
    for third, by in pairs.items():
        if third != person.pk:
            KeptApart.objects.remember([(third, person.pk)], by=by)
    for side in ("before", "after"):
        ShadowDifference.objects.filter(**{side: other}).update(**{side: person})
    ShadowDifference.objects.filter(before=F("after")).delete()


def _changed(person: Person, fields: Mapping[str, Any]) -> Person:
    for field, value in fields.items():
        setattr(person, field, value)
    return save_person(person=person)
