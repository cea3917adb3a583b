"""Curating the blacklist and searching it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from blacklist.exceptions import EntryNotFound, LastImage, NameTaken, NoUsableImage
from blacklist.models import BlacklistEntry
from blacklist.types import Enrolment, Hit
from clients.models import Client
from people.models import FaceTemplate, ReferenceImage
from people.services import add_reference_image, discard_files, erase_files, read_portraits
from people.types import Portrait
from vision.types import Embedding, Upload


def create_entry(
    *, client: Client, name: str, uploads: Iterable[Upload], reason: str | None = None, **fields: Any
) -> Enrolment:
    """List a person from photographs. Images that cannot be used are refused alone; with none left nothing is stored.

    `fields` may hold `is_active`, `valid_from` and `valid_until`. Raises `NameTaken` or `NoUsableImage`.
    """
    entry = BlacklistEntry(client=client, name=name, reason=reason or None, **fields)
    return enrol_entry(entry=entry, uploads=uploads)


def enrol_entry(*, entry: BlacklistEntry, uploads: Iterable[Upload]) -> Enrolment:
    """`create_entry` for a row that is filled in and not saved yet."""
    _require_free_name(entry.client, entry.name)
    portraits, refused = read_portraits(uploads=uploads)
    if not portraits:
        raise NoUsableImage(refused)
    return Enrolment(entry, _store(entry, portraits), refused)


def _store(entry: BlacklistEntry, portraits: Sequence[Portrait]) -> list[ReferenceImage]:
    """All portraits or none, and the entry itself where it is new."""
    added: list[ReferenceImage] = []
    try:
        with transaction.atomic():
            if entry.pk is None:
                save_entry(entry=entry)
            else:
                _lock(entry)
            for portrait in portraits:
                added.append(add_reference_image(person=entry, portrait=portrait))
    except BaseException:
        discard_files(files=[reference.image for reference in added])
        raise
    return added


def add_images(*, entry: BlacklistEntry, uploads: Iterable[Upload]) -> Enrolment:
    """More photographs for an entry. Raises `NoUsableImage` when none can be used."""
    portraits, refused = read_portraits(uploads=uploads)
    if not portraits:
        raise NoUsableImage(refused)
    return Enrolment(entry, _store(entry, portraits), refused)


def save_entry(*, entry: BlacklistEntry, fields: Iterable[str] | None = None) -> BlacklistEntry:
    """Insert or update an entry; `fields` names what changes, so that others' changes meanwhile stay.

    Raises `NameTaken`, also when two requests race for one name, and `EntryNotFound` when it was deleted meanwhile.
    """
    try:
        with transaction.atomic():
            if entry.pk is not None:  # saving would bring a deleted entry back, without its photographs
                _lock(entry)
            entry.save(update_fields=None if fields is None else [*fields, "updated_at"])
    except IntegrityError as error:
        if "blacklist_name_unique" not in str(error):
            raise
        raise NameTaken("A blacklist entry with this name exists already.") from error
    return entry


def _lock(entry: BlacklistEntry) -> None:
    """Keep the entry from being deleted or changed until the transaction ends. Raises `EntryNotFound`."""
    locked = BlacklistEntry.objects.select_for_update(of=("self",), no_key=True)
    if not locked.filter(pk=entry.pk).values_list("pk"):
        raise EntryNotFound("Blacklist entry not found")


def _require_free_name(client: Client, name: str) -> None:
    """Spare the engines the work for a name that is taken; `save_entry` decides in the end."""
    if BlacklistEntry.objects.of_client(client).filter(name=name).exists():
        raise NameTaken("A blacklist entry with this name exists already.")


def get_entry(*, client: Client, entry_id: int) -> BlacklistEntry:
    """Raises `EntryNotFound` for unknown ids and for other clients' entries alike."""
    try:
        entry: BlacklistEntry = BlacklistEntry.objects.of_client(client).get(pk=entry_id)
    except BlacklistEntry.DoesNotExist as error:
        raise EntryNotFound("Blacklist entry not found") from error
    return entry


def set_active(*, entries: Iterable[BlacklistEntry], active: bool) -> int:
    """Switch entries on or off. Returns how many changed."""
    chosen = BlacklistEntry.objects.filter(pk__in=[entry.pk for entry in entries], is_active=not active)
    return chosen.update(is_active=active, updated_at=timezone.now())


@transaction.atomic
def delete_entry(*, entry: BlacklistEntry) -> None:
    """Remove the entry with its images, templates and matches. Raises `Unavailable` when a file cannot be deleted."""
    # A worker that stores a match with it has committed before this lock is ours, or will be refused.
    list(BlacklistEntry.objects.select_for_update().filter(pk=entry.pk).values_list("pk"))
    files = [reference.image for reference in ReferenceImage.objects.filter(person=entry)]
    entry.delete()
    erase_files(files=files)


def search_blacklist(
    *, client: Client, space: str, embeddings: Sequence[Embedding], metric: str, threshold: float
) -> list[list[Hit]]:
    """For each embedding the entries in force within `threshold`, closest first. Exact: no approximate index."""
    templates = FaceTemplate.objects.of_client(client).in_space(space).of_blacklist()
    found = templates.within(embeddings, metric=metric, threshold=threshold) if embeddings else []
    near = [neighbour for people in found for neighbour in people]
    if not near:
        return [[] for _ in embeddings]
    # Asked for the few that match: joined to the search, it makes the planner read the entries of all clients.
    entries = BlacklistEntry.objects.of_client(client).in_force(timezone.localdate())
    in_force = set(entries.filter(pk__in=[n.person_id for n in near]).values_list("pk", flat=True))
    images = ReferenceImage.objects.in_bulk({n.reference_image_id for n in near})
    if any(n.reference_image_id not in images for n in near):  # deleted meanwhile; another one may match as well
        return search_blacklist(client=client, space=space, embeddings=embeddings, metric=metric, threshold=threshold)
    return [
        [Hit(n.person_id, images[n.reference_image_id], n.distance) for n in people if n.person_id in in_force]
        for people in found
    ]


def get_image(*, entry: BlacklistEntry, image_id: int) -> ReferenceImage:
    """Raises `EntryNotFound` unless the image is one of this entry."""
    try:
        return entry.reference_images.get(pk=image_id)
    except ReferenceImage.DoesNotExist as error:
        raise EntryNotFound("Reference image not found") from error


@transaction.atomic
def delete_image(*, entry: BlacklistEntry, image_id: int) -> None:
    """Remove one photograph. Raises `Unavailable` when its file cannot be deleted, and `LastImage` for the only one:
    an entry without a face could never match.
    """
    _lock(entry)
    stored = ReferenceImage.objects.filter(person=entry)  # not what the entry may have prefetched
    image = stored.select_for_update().filter(pk=image_id).first()
    if image is None:
        raise EntryNotFound("Reference image not found")
    if stored.count() == 1:
        raise LastImage("This is the entry's only image. Add another first, or delete the entry.")
    image.delete()
    erase_files(files=[image.image])
