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
from people.querysets import distance_of
from people.services import add_reference_image, discard_files, read_portraits
from people.types import Portrait, Upload
from vision.types import Embedding


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


def save_entry(*, entry: BlacklistEntry) -> BlacklistEntry:
    """Insert or update an entry. Raises `NameTaken`, also when two requests race for one name."""
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError as error:
        if "blacklist_name_unique" not in str(error):
            raise
        raise NameTaken("A blacklist entry with this name exists already.") from error
    return entry


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
    changed = [entry for entry in entries if entry.is_active != active]
    for entry in changed:
        entry.is_active = active
        save_entry(entry=entry)
    return len(changed)


def delete_entry(*, entry: BlacklistEntry) -> None:
    """Remove the entry with its images, templates and matches; the files go when the transaction commits."""
    entry.delete()


def search_blacklist(*, client: Client, space: str, embedding: Embedding, metric: str, threshold: float) -> list[Hit]:
    """Entries in force whose best template lies within `threshold`, closest first. Exact: no approximate index."""
    templates = FaceTemplate.objects.of_client(client).in_space(space)
    best = templates.best_per_person(embedding, metric=metric, threshold=threshold)
    # Asked for the few that match: joined to the search, it makes the planner read the entries of all clients.
    found = BlacklistEntry.objects.of_client(client).filter(pk__in=[template.person_id for template in best])
    in_force = set(found.in_force(timezone.localdate()).values_list("pk", flat=True)) if best else set()
    return [Hit(template, distance_of(template)) for template in best if template.person_id in in_force]


def get_image(*, entry: BlacklistEntry, image_id: int) -> ReferenceImage:
    """Raises `EntryNotFound` unless the image is one of this entry."""
    try:
        return entry.reference_images.get(pk=image_id)
    except ReferenceImage.DoesNotExist as error:
        raise EntryNotFound("Reference image not found") from error


@transaction.atomic
def delete_image(*, entry: BlacklistEntry, image_id: int) -> None:
    """Remove one photograph. Raises `LastImage` for the only one: an entry without a face could never match."""
    locked = BlacklistEntry.objects.select_for_update(of=("self",)).get(pk=entry.pk)  # and without prefetched images
    image = get_image(entry=locked, image_id=image_id)
    if locked.reference_images.count() == 1:
        raise LastImage("This is the entry's only image. Add another first, or delete the entry.")
    image.delete()
