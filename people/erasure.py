"""Erasing people or their faces, wherever the service holds them, with a receipt that contains no personal data.

Other parts of the service hold something of a person too: faces in albums, classifiers, screened images. Each has a
module, named in `FACE_HOLDERS`, with the functions of a `Holder`: `locked_before` says what must be locked before the
person, and `forget` erases in the same transaction what it has of them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.files import FieldFile

from audit import receipts
from audit.models import Receipt
from audit.types import Action, Erased
from clients.idempotency import forget_answers
from clients.numbering import record_rows
from notifications.services import forget as forget_notifications
from people.elsewhere.places import remaining_of
from people.evidence import forget_sessions
from people.exceptions import PersonNotFound
from people.models import FaceTemplate, Gallery, MergedPerson, Person, ReferenceImage
from people.persons import lock_enrolled, lock_several
from people.types import Held, Leaving, Subject, Taken
from storage.files import erase_files
from vectors.stored import Rotated

OF_THE_AUDIT = "Rows of the audit name people and photographs by number, and are kept as proof of what was done."
OF_BACKUPS = "Backups keep what has been erased since, until they expire; after restoring one, run reapply_erasures."


class Holder(Protocol):
    """A module that knows what a part of the service holds of people."""

    def locked_before(self, people: Sequence[Person], spaces: Collection[str]) -> QuerySet[Any] | None:
        """What must be locked before these people of one client, whose faces are searched for in these spaces."""

    def forget(self, leaving: Leaving) -> Taken: ...

    def hand_over(self, person: Person, to: Person) -> None:
        """What it keeps under the one person is the other's from now on; both are locked (`people.merging`)."""

    def again(self, wanted: frozenset[str]) -> Counter[str]:
        """Erase what receipts name by these hashes and a restored backup has brought back."""

    def held(self, subject: Subject) -> Held:
        """What there is of somebody, for a report (`people.report`)."""


@transaction.atomic
def erase_person(*, person: Person, everywhere: bool = False) -> Receipt:
    """Remove the person with photographs, files and templates, and what other parts of the service hold of them.

    `everywhere`: faces that look like the person's, at the one-to-one operating point, are removed from albums and
    screened images too, with the files that show them. Raises `PersonNotFound`, or `Unavailable` when a file cannot be
    deleted yet (`storage.files.erase_files`).
    """
    return _erase(person, everywhere=everywhere, with_record=True)


@transaction.atomic
def erase_faces(*, person: Person, everywhere: bool = False) -> Receipt:
    """Remove all that `erase_person` does but the record. Raises as it does."""
    return _erase(person, everywhere=everywhere, with_record=False)


def _erase(person: Person, *, everywhere: bool, with_record: bool) -> Receipt:
    [person] = hold_people(person, everywhere=everywhere)
    leaving = Leaving(person, is_whole=True, probes=probes_of(person) if everywhere else {})
    images = list(ReferenceImage.objects.filter(person=person).order_by("id"))
    templates = FaceTemplate.objects.of_person(person).count()
    taken = forget_elsewhere(leaving)
    remaining = [*taken.remaining, *remaining_of(images)]
    sessions = forget_sessions(person=person)
    named = _names_of_record(person) if with_record else []
    rows, _ = person.delete() if with_record else ReferenceImage.objects.filter(person=person).delete()
    files = [image.image for image in images if image.image]
    record_rows(Action.ERASE, [person, *images], results=len(images))
    forget_answers(client_id=person.client_id)
    forget_notifications([person.audit_name], client_id=person.client_id)
    own = {"people": int(with_record), "images": len(images), "templates": templates, "files": len(files), "rows": rows}
    own["liveness_sessions"] = sessions
    kind = Erased.PERSON if with_record else Erased.FACES
    objects = [*named, *names_of(images), *taken.objects]
    whole = replace(taken, counts=Counter(own) + taken.counts, objects=objects, remaining=remaining)
    receipt = add_receipt(kind, client_id=person.client_id, taken=whole, uuid=leaving.receipt_id)
    erase_files(files=[*files, *taken.files])
    return receipt


def erase_people(*, gallery: Gallery, seconds: float) -> bool:
    """Erase the people of a gallery one by one. Returns False if some are left after this time.

    Raises `Unavailable` when a file cannot be deleted; whoever was erased before is.
    """
    end = time.monotonic() + seconds
    for person in Person.objects.filter(gallery=gallery).select_related("client", "gallery").order_by("pk"):
        if time.monotonic() > end:
            return False
        with suppress(PersonNotFound):  # erased meanwhile
            erase_person(person=person)
    return True


def forget_photographs(person: Person, images: Sequence[ReferenceImage]) -> list[FieldFile]:
    """Erase some photographs of a person who stays, and what was learned from them, with a receipt.

    Returns the files, which the caller deletes. The caller has locked the person `to_erase`.
    """
    taken = forget_elsewhere(Leaving(person, is_whole=False))
    remaining = [*taken.remaining, *remaining_of(images)]
    ReferenceImage.objects.filter(pk__in=[image.pk for image in images]).delete()
    record_rows(Action.ERASE, [person, *images], results=len(images))
    forget_answers(client_id=person.client_id)
    files = [image.image for image in images if image.image]
    counts = Counter(images=len(images), files=len(files)) + taken.counts
    whole = replace(taken, counts=counts, objects=[*names_of(images), *taken.objects], remaining=remaining)
    add_receipt(Erased.PHOTOGRAPHS, client_id=person.client_id, taken=whole)
    return [*files, *taken.files]


def purge(*, limit: int) -> int:
    """Erase up to `limit` photographs past their retention, the oldest first. Returns how many there were.

    The records of people stay, with no face if it was the last one. Raises `Unavailable`.
    """
    chosen = list(ReferenceImage.objects.expired().select_related("person")[:limit])
    for image in chosen:
        with transaction.atomic(), suppress(PersonNotFound):  # erased meanwhile
            person = lock_enrolled(image.person, to_erase=True)
            still = list(ReferenceImage.objects.filter(pk=image.pk, person=person))  # or it is somebody else's by now
            erase_files(files=forget_photographs(person, still) if still else [])
    return len(chosen)


def add_receipt(kind: Erased, *, client_id: int, taken: Taken, uuid: UUID | None = None) -> Receipt:
    """The receipt of what is erased, in the same transaction, with what no erasure takes."""
    always = [
        {"what": "audit", "why": OF_THE_AUDIT, "count": None, "days": settings.AUDIT_DAYS},
        {"what": "backups", "why": OF_BACKUPS, "count": None, "days": None},
    ]
    return receipts.add(
        kind,
        client_id=client_id,
        objects=taken.objects,
        taken=taken.counts,
        remaining=[*taken.remaining, *always],
        uuid=uuid,
    )


def hold_people(*people: Person, everywhere: bool = False) -> list[Person]:
    """People of one client as they are now, kept from changes and erasure until the transaction ends, with what must be
    locked before them: all of it in one order, so that no two callers block.

    Until they are locked themselves, a merge may hand over to one of them what is not held: then everything is released
    and held anew. Raises `PersonNotFound` if one is gone.
    """
    while True:
        with transaction.atomic():
            held = [set(rows.select_for_update(no_key=True).order_by("pk")) for rows in _before(people, everywhere)]
            locked = lock_several(*people)
            if all(set(rows) <= own for rows, own in zip(_before(people, everywhere), held, strict=True)):
                return locked
            transaction.set_rollback(True)


def _before(people: Sequence[Person], everywhere: bool) -> list[QuerySet[Any]]:
    """The keys of what is to be locked."""
    spaces = {space for person in people for space in probes_of(person)} if everywhere else set[str]()
    found = [holder.locked_before(people, spaces) for holder in holders()]
    return [rows.values_list("pk", flat=True) for rows in found if rows is not None]


def forget_elsewhere(leaving: Leaving) -> Taken:
    """What the other parts of the service erase of them, in the caller's transaction."""
    parts = [holder.forget(leaving) for holder in holders()]
    return Taken(
        counts=sum((part.counts for part in parts), Counter()),
        objects=[name for part in parts for name in part.objects],
        files=[file for part in parts for file in part.files],
        remaining=[one for part in parts for one in part.remaining],
    )


def names_of(images: Iterable[ReferenceImage]) -> list[str]:
    """What receipts call photographs."""
    return [receipts.hashed("photograph", image.uuid) for image in images]


def _names_of_record(person: Person) -> list[str]:
    """Also of records that were merged into it, which a backup from before may bring back."""
    merged = MergedPerson.objects.filter(person=person).values_list("uuid", flat=True)
    return [receipts.hashed("person", person.uuid), *(receipts.hashed("merged_person", uuid) for uuid in merged)]


def probes_of(person: Person) -> dict[str, list[Rotated]]:
    """The person's stored embeddings by their space."""
    probes: dict[str, list[Rotated]] = {}
    for space, embedding in FaceTemplate.objects.of_person(person).order_by("pk").values_list("space", "embedding"):
        probes.setdefault(space, []).append(embedding)
    return probes


def holders() -> list[Holder]:
    """The modules of `FACE_HOLDERS`."""
    return [cast(Holder, import_module(name)) for name in settings.FACE_HOLDERS]


@transaction.atomic
def again(wanted: frozenset[str]) -> Counter[str]:
    """Erase people, entries and photographs that receipts name and a restored backup has brought back.

    A record that had been merged into the one that was erased goes only if nothing but erased photographs is left of
    it: the others had been given to somebody else, and their record comes back. What others hold of these people goes
    too: classifiers that a merge, a split or a newer version had removed before the erasure are in no receipt.
    """
    photographs = ReferenceImage.objects.all()
    found = receipts.named("photograph", photographs, "uuid", wanted=wanted)
    people = receipts.named("person", Person.objects.all(), "uuid", wanted=wanted)
    merged = receipts.named("merged_person", Person.objects.all(), "uuid", wanted=wanted)
    people += (
        Person.objects.filter(pk__in=merged)
        .exclude(Exists(photographs.filter(person=OuterRef("pk")).exclude(pk__in=found)))
        .values_list("pk", flat=True)
    )
    gone = photographs.filter(Q(pk__in=found) | Q(person__in=people))
    concerned = Person.objects.filter(Q(pk__in=people) | Q(pk__in=gone.values("person"))).select_related("client")
    taken = [forget_elsewhere(Leaving(person, is_whole=False)) for person in concerned]
    files = [image.image for image in gone if image.image] + [file for part in taken for file in part.files]
    counts = Counter(images=gone.count(), people=len(people), files=len(files))
    counts += sum((part.counts for part in taken), Counter())
    gone.delete()
    for person in Person.objects.filter(pk__in=people):
        forget_notifications([person.audit_name], client_id=person.client_id)
    Person.objects.filter(pk__in=people).delete()
    erase_files(files=files)
    return counts
