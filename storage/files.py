"""Stored image files: written, read and erased so that rows and files agree."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import ContentFile
from django.db.models.fields.files import FieldFile

from errors import InvalidInput, NotFound, Unavailable
from storage.backend import encrypted_name, is_encrypted
from vision.metadata import without_metadata

STORAGE_ERRORS = (OSError, BotoCoreError, ClientError)


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


def storable(data: bytes, *, is_evidence: bool = False) -> bytes:
    """An image as it is stored: without metadata, unless `STRIP_METADATA` says that images of this kind keep theirs."""
    kept = settings.STRIP_METADATA == "none" or (is_evidence and settings.STRIP_METADATA != "all")
    return data if kept else without_metadata(data)


def content_hash(data: bytes) -> str:
    """SHA-256 in hexadecimal, by which two copies of an image are recognised."""
    return sha256(data).hexdigest()


def erase_files(*, files: Iterable[FieldFile]) -> None:
    """Delete files permanently. Raises `Unavailable` (`storage.unavailable`).

    Call it last in the transaction that deletes the rows: if a file cannot be deleted, its row stays and the call can
    be repeated. A file that was encrypted since its row was read goes too.
    """
    for file in files:
        try:
            if file.name:
                file.storage.delete(file.name)
                if not is_encrypted(file.name):
                    file.storage.delete(encrypted_name(file.name))
        except STORAGE_ERRORS as error:
            message = "The image store does not answer. Nothing was deleted; try again."
            raise Unavailable(message, code="storage.unavailable") from error


def discard_files(*, files: Iterable[FieldFile]) -> None:
    """Delete files whose rows were never committed."""
    for file in files:
        if file.name:
            _discard(file, file.name)


def _discard(file: FieldFile, name: str) -> None:
    with suppress(*STORAGE_ERRORS):  # if the store is down, `storage.orphans` removes the file later
        file.storage.delete(name)
