"""Bringing the older service's people in, one photograph at a time, so that a run may stop and be repeated anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from blacklist.exceptions import NoUsableImage
from blacklist.models import BlacklistEntry
from blacklist.services import add_images, create_entry
from clients.models import Client
from errors import InvalidInput
from people.services import STORAGE_ERRORS
from people.types import Refusal
from transfer.legacy import Source, check_record, read_uploads
from vision import images
from vision.types import Upload


@dataclass
class Outcome:
    """What an import did so far, or would do."""

    entries: int = 0
    images: int = 0
    known: int = 0  # photographs that were there already
    refused: list[Refusal] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the folder is in the blacklist now."""
        return not self.images and not self.known


def import_source(*, client: Client, source: Source, outcome: Outcome, advance: Callable[[], object]) -> None:
    """Add a person's photographs that the blacklist lacks, and the entry if it is new. Raises `Unavailable`.

    `outcome` grows with every photograph, `advance` is called after each, whether it was taken or not.
    """
    outcome.refused += source.refused
    if refusal := check_record(source.record):
        outcome.refused.append(refusal)
        for _ in source.files:
            advance()
        return
    entry = BlacklistEntry.objects.of_client(client).filter(name=source.record.name).first()
    seen = stored_digests(entry) if entry else set()
    for upload in read_uploads(source):
        if isinstance(upload, Refusal):
            outcome.refused.append(upload)
        elif (digest := sha256(upload.data).digest()) in seen:
            outcome.known += 1
        elif added := _import_image(client, source, entry, upload, outcome):
            entry = added
            seen.add(digest)
        advance()


def _import_image(
    client: Client, source: Source, entry: BlacklistEntry | None, upload: Upload, outcome: Outcome
) -> BlacklistEntry | None:
    """The entry with the photograph; None when the photograph was refused."""
    try:
        if entry:
            add_images(entry=entry, uploads=[upload])
        else:
            record = source.record
            entry = create_entry(client=client, name=record.name, reason=record.reason, uploads=[upload]).entry
            outcome.entries += 1
    except NoUsableImage as error:
        outcome.refused += error.refusals
        return None
    outcome.images += 1
    return entry


def stored_digests(entry: BlacklistEntry) -> set[bytes]:
    """SHA-256 of each photograph of an entry; one that the store has lost counts as missing."""
    digests = set()
    for reference in entry.reference_images.all():
        try:
            with reference.image.open("rb") as handle:
                digests.add(sha256(handle.read()).digest())
        except STORAGE_ERRORS:
            continue
    return digests


def check_source(*, source: Source, outcome: Outcome, advance: Callable[[], object]) -> None:
    """What can be said about a person's files without a worker: whether they are images within the limits."""
    refusal = check_record(source.record)
    outcome.refused += [*source.refused, *([refusal] if refusal else [])]
    before = outcome.images
    for upload in read_uploads(source):
        if isinstance(upload, Refusal):
            outcome.refused.append(upload)
        elif not refusal:
            _check_image(upload, outcome)
        advance()
    outcome.entries += outcome.images > before


def _check_image(upload: Upload, outcome: Outcome) -> None:
    try:
        images.sniff(upload.data)
    except InvalidInput as error:
        outcome.refused.append(Refusal(upload.name, error.code, error.message))
    else:
        outcome.images += 1
