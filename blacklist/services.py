"""Curating the blacklist and searching it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import receipts
from audit.types import Action, Erased
from blacklist.exceptions import EntryNotFound, LastImage, NameTaken, NoUsableImage
from blacklist.history import KNOWN, acting_user, add_event, changes_between, values_of
from blacklist.models import BlacklistEntry, CheckedPhotograph, EntryEvent, Severity
from blacklist.photographs import check_photograph, choose, forget, odd_ones, portraits_of, take
from blacklist.types import Enrolment, Hit, SaidThere, Validity
from clients import quotas
from clients.idempotency import forget_answers
from clients.models import Client
from clients.numbering import public_id, record_rows
from notifications.services import forget as forget_notifications
from people.models import FaceTemplate, Gallery, GalleryKind, ReferenceImage, SearchIndex
from people.services import (
    AskedGalleries,
    RemoteNeighbour,
    SearchedTemplates,
    add_receipt,
    forget_photographs,
    read_portraits,
    remaining_of,
    save_reference_images,
    wait_until_there,
    written_files,
)
from people.types import Taken
from remote.registry import OURS
from storage.files import erase_files
from vectors.stored import all_to_store
from vision.selection import FaceChoice
from vision.types import Box, Embedding, Upload

__all__ = [
    "add_images",
    "check_photograph",
    "choose",
    "create_entry",
    "delete_entry",
    "delete_image",
    "enrol_entry",
    "forget",
    "get_entry",
    "get_image",
    "odd_ones",
    "save_entry",
    "search_blacklist",
    "search_blacklist_elsewhere",
    "set_active",
]
ALWAYS = Validity()
MOST_THERE = 100  # entries that a remote service names for a face
TAKEN = "A blacklist entry with this name exists already."


def create_entry(
    *,
    client: Client,
    name: str,
    uploads: Sequence[Upload],
    reason: str | None = None,
    validity: Validity = ALWAYS,
    severity: str = Severity.NORMAL,
    source: str = "",
    notes: str = "",
) -> Enrolment:
    """List a person from photographs. Images that cannot be used are refused alone; with none left nothing is stored.

    Raises `NameTaken` or `NoUsableImage`.
    """
    case = {"severity": severity, "source": source, "notes": notes}
    entry = BlacklistEntry(client=client, name=name, reason=reason or None, **case, **asdict(validity))
    return enrol_entry(entry=entry, uploads=uploads)


def enrol_entry(
    *, entry: BlacklistEntry, uploads: Sequence[Upload] = (), checked: Sequence[CheckedPhotograph] = ()
) -> Enrolment:
    """`create_entry` for a row that is filled in and not saved yet."""
    if BlacklistEntry.objects.of_client(entry.client).filter(name=entry.name).exists():
        raise NameTaken(TAKEN)  # spares the engines the work; in the end the table's constraint decides
    return add_images(entry=entry, uploads=uploads, checked=checked)


def add_images(
    *, entry: BlacklistEntry, uploads: Sequence[Upload] = (), checked: Sequence[CheckedPhotograph] = ()
) -> Enrolment:
    """More photographs for an entry, which is saved if it is new. Those that were `checked` need no model.

    Raises `NoUsableImage` if none can be used, what `portraits_of` raises, or what `quotas.require_room` raises.
    """
    smallest = min((len(upload.data) for upload in uploads), default=0)
    quotas.require_room(entry.client, people=int(entry.pk is None), templates=1, stored_bytes=smallest)
    choice: FaceChoice = "largest" if entry.client.largest_reference_face else "only"
    portraits, refused = read_portraits(uploads=uploads, face_choice=choice) if uploads else ([], [])
    portraits += portraits_of(checked)
    if not portraits:
        raise NoUsableImage(refused)
    with written_files(client=entry.client, portraits=portraits) as references, transaction.atomic():
        if entry.pk is None:
            save_entry(entry=entry)
        else:
            _locked(entry)
        take(checked)
        save_reference_images(person=entry, references=references, portraits=portraits)
        add_event(entry, EntryEvent.What.ADDED, count=len(references))
    wait_until_there(references, entry.gallery)
    return Enrolment(entry, references, refused)


def save_entry(*, entry: BlacklistEntry, fields: Iterable[str] | None = None) -> BlacklistEntry:
    """Insert or update an entry; `fields` names what changes, so that others' changes meanwhile stay.

    Raises `NameTaken`, also when two requests race for one name, and `EntryNotFound` when it was deleted meanwhile.
    """
    try:
        with transaction.atomic():
            if entry.pk is None:
                _insert(entry)
            else:  # locked, because saving would bring a deleted entry back, without its photographs
                _update(entry, values_of(_locked(entry)), fields=None if fields is None else [*fields])
    except IntegrityError as error:
        if "blacklist_name_unique" not in str(error):
            raise
        raise NameTaken(TAKEN) from error
    return entry


def _insert(entry: BlacklistEntry) -> None:
    entry.created_by_id = acting_user()
    entry.save()
    record_rows(Action.CREATE, [entry])
    add_event(entry, EntryEvent.What.CREATED)


def _update(entry: BlacklistEntry, before: dict[str, Any], *, fields: list[str] | None) -> None:
    changes = changes_between(before, values_of(entry), KNOWN if fields is None else fields)
    if changes:
        entry.changed_by_id = acting_user()
    entry.save(update_fields=None if fields is None else [*fields, "changed_by", "updated_at"])
    record_rows(Action.CHANGE, [entry])
    if changes:
        add_event(entry, EntryEvent.What.CHANGED, **changes)


def _locked(entry: BlacklistEntry) -> BlacklistEntry:
    """The entry as it is stored, not to be deleted or changed until the transaction ends. Raises `EntryNotFound`."""
    locked = BlacklistEntry.objects.select_for_update(of=("self",), no_key=True)
    stored: BlacklistEntry | None = locked.filter(pk=entry.pk).first()
    if stored is None:
        raise EntryNotFound("Blacklist entry not found")
    return stored


def get_entry(*, client: Client, entry_id: int | UUID) -> BlacklistEntry:
    """By number or UUID. Raises `EntryNotFound`, also for other clients' entries."""
    entries = BlacklistEntry.objects.of_client(client).select_related("client", "created_by", "changed_by")
    found: BlacklistEntry | None = entries.filter(public_id(entry_id)).first()
    if found is None:
        raise EntryNotFound("Blacklist entry not found")
    return found


@transaction.atomic
def set_active(*, entries: Iterable[BlacklistEntry], active: bool) -> int:
    """Switch entries on or off. Returns how many changed."""
    chosen = BlacklistEntry.objects.filter(pk__in=[entry.pk for entry in entries], is_active=not active)
    for entry in chosen:
        record_rows(Action.CHANGE, [entry])
        add_event(entry, EntryEvent.What.CHANGED, is_active=active)
    return chosen.update(is_active=active, changed_by=acting_user(), updated_at=timezone.now())


@transaction.atomic
def delete_entry(*, entry: BlacklistEntry) -> None:
    """Remove the entry with its images, templates and matches.

    Raises `Unavailable` when a file cannot be deleted yet (`storage.files.erase_files`).
    """
    # A worker that stores a match with it has committed before this lock is ours, or will be refused.
    list(BlacklistEntry.objects.select_for_update().filter(pk=entry.pk).values_list("pk"))
    images = list(ReferenceImage.objects.filter(person=entry))
    files = [image.image for image in images]
    waiting = [photograph.image for photograph in CheckedPhotograph.objects.filter(entry=entry)]
    record_rows(Action.ERASE, [entry], results=len(files))
    named = [receipts.hashed("person", entry.uuid), *(receipts.hashed("photograph", image.uuid) for image in images)]
    remaining = remaining_of(images)
    rows, of = entry.delete()
    counts = {"entries": 1, "images": len(images), "files": len(files), "matches": of.get("recognition.Match", 0)}
    taken = Taken(Counter(counts | {"rows": rows}), named, remaining=remaining)
    add_receipt(Erased.ENTRY, client_id=entry.client_id, taken=taken)
    forget_answers(client_id=entry.client_id)
    forget_notifications([entry.audit_name], client_id=entry.client_id)
    erase_files(files=[*files, *waiting])


def search_blacklist(
    *, client: Client, space: str, embeddings: Sequence[Embedding], metric: str, threshold: float
) -> list[list[Hit]]:
    """For each embedding the entries in force within `threshold`, closest first, of the lists that are kept here.

    Exact, except in a large list that has a search index (`people.indexing`).
    """
    if not embeddings:
        return []
    galleries = Gallery.objects.of_client(client).of_kind(GalleryKind.BLACKLIST).filter(backend=OURS)
    templates = FaceTemplate.objects.of_client(client).in_space(space)
    indexes = SearchIndex.objects.usable(client=client, kind=GalleryKind.BLACKLIST, space=space, metric=metric)
    compared = templates.in_any_of(galleries.exclude(search_index__in=indexes) if indexes else galleries)
    probes = all_to_store(embeddings, client_id=client.pk, space=space)
    found = SearchedTemplates(templates, compared, indexes, metric).within(probes, threshold=threshold)
    near = [neighbour for people in found for neighbour in people]
    if not near:
        return [[] for _ in embeddings]
    # Asked for the few that match: joined to the search, it makes the planner read the entries of all clients.
    entries = BlacklistEntry.objects.of_client(client).in_force(timezone.localdate())
    numbers = dict(entries.filter(pk__in=[one.person_id for one in near]).values_list("pk", "number"))
    images = ReferenceImage.objects.in_bulk({one.reference_image_id for one in near})
    if any(one.reference_image_id not in images for one in near):  # deleted meanwhile; another one may match as well
        return search_blacklist(client=client, space=space, embeddings=embeddings, metric=metric, threshold=threshold)
    return [
        [
            Hit(one.person_id, numbers[one.person_id], images[one.reference_image_id], one.distance)
            for one in people
            if one.person_id in numbers
        ]
        for people in found
    ]


def search_blacklist_elsewhere(
    *, asked: AskedGalleries, images: Iterable[tuple[bytes, Sequence[Box]]]
) -> list[list[Hit]]:
    """For each face of each image the entries in force that a remote service finds within their operating point.

    Raises kinds of `remote.exceptions.RemoteError`, also where a list has not arrived at the service yet: nobody is
    cleared by a list that is not there. Raises `InvalidImage`.
    """
    asked.require_there()
    near = [
        [one for one in of_face if one.distance <= asked.points[one.gallery_id].reach]
        for data, boxes in images
        for of_face in asked.nearest_each(data, boxes, limit=MOST_THERE, within_reach=True)
    ]
    ids = {one.person_id for of_face in near for one in of_face}
    entries = BlacklistEntry.objects.of_client(asked.client).in_force(timezone.localdate())
    numbers = dict(entries.filter(pk__in=ids).values_list("pk", "number"))
    photographs = ReferenceImage.objects.in_bulk({one.reference_image_id for of_face in near for one in of_face})

    def hit(one: RemoteNeighbour) -> Hit:
        said = SaidThere(asked.backend_of(one.gallery_id), one.score, one.face_id, asked.points[one.gallery_id])
        image = photographs[one.reference_image_id]
        return Hit(one.person_id, numbers[one.person_id], image, one.distance, said)

    return [
        [hit(one) for one in of_face if one.person_id in numbers and one.reference_image_id in photographs]
        for of_face in near
    ]


def get_image(*, entry: BlacklistEntry, image_id: int | UUID) -> ReferenceImage:
    """By number or UUID. Raises `EntryNotFound` unless the image is one of this entry's."""
    found: ReferenceImage | None = ReferenceImage.objects.filter(public_id(image_id), person=entry).first()
    if found is None:
        raise EntryNotFound("Reference image not found")
    return found


@transaction.atomic
def delete_image(*, entry: BlacklistEntry, image_id: int | UUID) -> None:
    """Remove one photograph.

    Raises `EntryNotFound`, `LastImage` for the only one (an entry without a face could never match), or `Unavailable`
    when its file cannot be deleted yet.
    """
    _locked(entry)
    stored = ReferenceImage.objects.filter(person=entry)  # not what the entry may have prefetched
    image = stored.select_for_update().filter(public_id(image_id)).first()
    if image is None:
        raise EntryNotFound("Reference image not found")
    if stored.count() == 1:
        raise LastImage("This is the entry's only image. Add another first, or delete the entry.")
    files = forget_photographs(entry, [image])
    add_event(entry, EntryEvent.What.REMOVED)
    erase_files(files=files)
