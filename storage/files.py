"""Stored image files: written, read and erased so that rows and files agree."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from errors import InvalidInput, NotFound, Unavailable
from storage.backend import ClientFiles, client_of, encrypted_name, is_encrypted
from storage.models import DueFile
from vision.metadata import without_metadata

STORAGE_ERRORS = (OSError, BotoCoreError, ClientError)
AT_ONCE = 500  # files that are due
PATIENCE = 5.0  # seconds without a file that could be deleted: the store is away


def store_file(*, file: FieldFile, extension: str, data: bytes) -> None:
    """Write `data` under a new random name, and note its size in the row, which is not saved.

    Raises `Unavailable` (`storage.unavailable`, `master_key.unusable`); then nothing is stored.
    """
    name = file.field.generate_filename(file.instance, f"image{extension}")
    file.instance.stored_bytes = len(data)  # type: ignore[attr-defined]  # a `WithFile`
    try:
        file.name = file.storage.save(name, ContentFile(data), max_length=file.field.max_length)
    except STORAGE_ERRORS as error:
        _discard(file, name)
        message = "The image store is full or does not answer. Nothing was stored."
        raise Unavailable(message, code="storage.unavailable") from error


def read_file(*, file: FieldFile) -> bytes:
    """The bytes of a stored file.

    Raises `InvalidInput` (`image.gone`) if the row has no file or the file is missing, the same with `image.damaged` or
    `key.destroyed` if it cannot be decrypted, or `Unavailable` (`storage.unavailable`, `master_key.unusable`).
    """
    if not file:
        raise InvalidInput("No image file is stored.", code="image.gone")
    try:
        with file.open("rb") as handle:
            data: bytes = handle.read()
    except FileNotFoundError as error:
        raise InvalidInput("The stored image file is gone.", code="image.gone") from error
    except NotFound as error:
        raise InvalidInput(error.message, code=error.code) from error
    except STORAGE_ERRORS as error:
        raise Unavailable("The image cannot be read from the store.", code="storage.unavailable") from error
    return data


def stored_size(*, file: FieldFile) -> int:
    """Bytes of a stored file, asked of the store; 0 for a missing one. Raises `Unavailable` (`storage.unavailable`)."""
    try:
        return int(file.size)
    except FileNotFoundError:
        return 0
    except STORAGE_ERRORS as error:
        raise Unavailable("The image store does not answer.", code="storage.unavailable") from error


def storable(data: bytes, *, is_evidence: bool = False) -> bytes:
    """An image as it is stored: without metadata, unless `STRIP_METADATA` says that images of this kind keep theirs."""
    kept = settings.STRIP_METADATA == "none" or (is_evidence and settings.STRIP_METADATA != "all")
    return data if kept else without_metadata(data)


def content_hash(data: bytes) -> str:
    """SHA-256 in hexadecimal, by which two copies of an image are recognised."""
    return sha256(data).hexdigest()


def erase_files(*, files: Iterable[FieldFile], robust: bool = False) -> None:
    """Delete files permanently once the caller's transaction, which erases their rows, has been committed.

    Call it last in that transaction, whose end then raises `Unavailable` (`storage.unavailable`) if a file cannot be
    deleted; `robust`: this is logged instead, where what else was committed must not look as if it had failed. The rows
    are erased all the same: `delete_due_files` tries again, also if this process dies first.
    """
    due = [DueFile(client_id=client_of(file.name), name=file.name) for file in files if file.name]
    if due:
        DueFile.objects.bulk_create(due)
        transaction.on_commit(partial(_delete, due), robust=robust)


def delete_due_files() -> int:
    """Delete files whose rows were erased, but which could not be deleted then. Returns how many there were.

    Those that were tried least recently come first. Raises `Unavailable` (`storage.unavailable`) if one is left.
    """
    due = list(DueFile.objects.order_by(F("tried_at").asc(nulls_first=True), "pk")[:AT_ONCE])
    _delete(due)
    return len(due)


def _delete(due: Sequence[DueFile]) -> None:
    """A file that cannot be deleted does not keep the others, unless the store is away."""
    gone, failed, error = list[int](), list[int](), None
    last = time.monotonic()
    for file in due:
        try:
            _delete_both(file.name)
        except STORAGE_ERRORS as raised:
            error = raised
            failed.append(file.pk)
            if time.monotonic() - last > PATIENCE:
                break
        else:
            gone.append(file.pk)
            last = time.monotonic()
    DueFile.objects.filter(pk__in=gone).delete()
    if error:
        DueFile.objects.filter(pk__in=failed).update(tried_at=timezone.now())
        message = "The image store does not answer: the data are erased, and their files will be when it does."
        raise Unavailable(message, code="storage.unavailable") from error


def _delete_both(name: str) -> None:
    """A file that was encrypted since its row was read goes too."""
    storage = ClientFiles()
    storage.delete(name)
    if not is_encrypted(name):
        storage.delete(encrypted_name(name))


def discard_files(*, files: Iterable[FieldFile]) -> None:
    """Delete files whose rows were never committed."""
    for file in files:
        if file.name:
            _discard(file, file.name)


def _discard(file: FieldFile, name: str) -> None:
    with suppress(*STORAGE_ERRORS):  # if the store is down, `storage.orphans` removes the file later
        file.storage.delete(name)
