"""Encrypting files that were stored before. It may be stopped anywhere, and repeated.

A new file is written, brought to the disk and read back before its row names it; the old one is deleted after that.
Between any two of these steps the row names a file that can be read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import transaction
from django.db.models import Q

from errors import Unavailable
from storage.backend import MARK, encrypted_name
from storage.exceptions import ImageDamaged
from storage.fields import StoredImageField
from storage.files import STORAGE_ERRORS
from storage.orphans import BATCH, image_fields


@dataclass
class Encrypted:
    """How many files were encrypted, and of how many rows the file is lost."""

    done: int = 0
    lost: int = 0


def count_plain() -> int:
    """How many rows name a file that is not encrypted."""
    return sum(field.model._base_manager.filter(_is_plain(field)).count() for field in image_fields())


def encrypt_files(*, advance: Callable[[], object]) -> Encrypted:
    """Encrypt every file that is not; `advance` is called after each. What was done before an error stays done.

    Raises `Unavailable` (`storage.unavailable`, `master_key.unusable`) or `ImageDamaged`, if a file is not read as it
    was written.
    """
    total = Encrypted()
    try:
        for field in sorted(image_fields(), key=lambda field: field.folder):
            _encrypt_all(field, total, advance)
    except STORAGE_ERRORS as error:
        raise Unavailable("The image store is full or does not answer.", code="storage.unavailable") from error
    return total


def _encrypt_all(field: StoredImageField, total: Encrypted, advance: Callable[[], object]) -> None:
    last, plain = 0, field.model._base_manager.filter(_is_plain(field)).order_by("pk")
    while pks := list(plain.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        for pk in pks:
            if _encrypt(field, pk):
                total.done += 1
            else:
                total.lost += 1
            advance()
        last = pks[-1]


def _is_plain(field: StoredImageField) -> Q:
    return ~Q(**{field.name: ""}) & ~Q(**{f"{field.name}__contains": MARK})


def _encrypt(field: StoredImageField, pk: int) -> bool:
    """False if the file is lost. The row is locked meanwhile, so that nobody else encrypts or erases it."""
    rows = field.model._base_manager.filter(_is_plain(field), pk=pk)
    with transaction.atomic():
        name = rows.select_for_update(of=("self",)).values_list(field.name, flat=True).first()
        if name is None:  # it was erased
            return True
        try:
            _write_encrypted(field, name)
        except FileNotFoundError:
            if not default_storage.exists(encrypted_name(name)):
                return False
        rows.update(**{field.name: encrypted_name(name)})
    default_storage.delete(name)
    return True


def _write_encrypted(field: StoredImageField, name: str) -> None:
    with default_storage.open(name) as file:
        data = file.read()
    target = encrypted_name(name)
    default_storage.delete(target)  # what is left of a run that was killed
    field.storage.save(target, ContentFile(data))
    if isinstance(default_storage, FileSystemStorage):
        for path in (default_storage.path(target), os.path.dirname(default_storage.path(target))):  # noqa: PTH120
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
    with field.storage.open(target) as file:
        if file.read() != data:
            raise ImageDamaged("An encrypted file is not read as it was written.")
