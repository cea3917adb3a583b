"""Importing the older service's blacklist, one photograph at a time, so that a run may be stopped and repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from audit.services import record
from audit.types import Action
from blacklist.exceptions import NoUsableImage
from blacklist.models import BlacklistEntry
from blacklist.services import add_images, create_entry
from clients.models import Client
from errors import InvalidInput
from people.types import Refusal
from storage.files import content_hash, storable
from transfer.folders import read_upload, shown
from transfer.older_blacklist import ListedPerson, check_record
from transfer.people_import import known_hashes
from transfer.types import Outcome
from vision import images
from vision.types import Upload


def import_person(*, client: Client, person: ListedPerson, outcome: Outcome, advance: Callable[[], object]) -> None:
    """Add the photographs that the blacklist lacks, and the entry if it is new. Raises `Unavailable`.

    `advance` is called after each photograph, accepted or not.
    """
    outcome.refused += person.refused
    if refusal := check_record(person.record):
        outcome.refused.append(refusal)
        for _ in person.files:
            advance()
        return
    entry = BlacklistEntry.objects.of_client(client).filter(name=person.record.name).first()
    known = known_hashes(entry) if entry else set()
    for upload in _read_uploads(person):
        if isinstance(upload, Refusal):
            outcome.refused.append(upload)
        elif (digest := content_hash(storable(upload.data))) in known:
            outcome.known += 1
        elif added := _import_image(client, person, entry, upload, outcome):
            entry = added
            known.add(digest)
        advance()
    record(Action.IMPORT, client_id=client.pk, results=len(known))


def _import_image(
    client: Client, person: ListedPerson, entry: BlacklistEntry | None, upload: Upload, outcome: Outcome
) -> BlacklistEntry | None:
    """The entry with the photograph, or None if the photograph was refused."""
    try:
        if entry:
            add_images(entry=entry, uploads=[upload])
        else:
            record = person.record
            entry = create_entry(client=client, name=record.name, reason=record.reason, uploads=[upload]).entry
            outcome.added += 1
    except NoUsableImage as error:
        outcome.refused += error.refusals
        return None
    outcome.images += 1
    return entry


def check_person(*, person: ListedPerson, outcome: Outcome, advance: Callable[[], object]) -> None:
    """What an import could take, as far as it is known without a worker: images within the limits. Stores nothing."""
    refusal = check_record(person.record)
    outcome.refused += [*person.refused, *([refusal] if refusal else [])]
    before = outcome.images
    for upload in _read_uploads(person):
        if isinstance(upload, Refusal):
            outcome.refused.append(upload)
        elif not refusal:
            try:
                images.sniff(upload.data)
                outcome.images += 1
            except InvalidInput as error:
                outcome.refused.append(Refusal(upload.name, error.code, error.message))
        advance()
    outcome.added += outcome.images > before


def _read_uploads(person: ListedPerson) -> Iterator[Upload | Refusal]:
    """The person's files, of which only one is in memory at a time."""
    for path in person.files:
        yield read_upload(path, shown(path))
