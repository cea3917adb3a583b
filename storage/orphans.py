"""Files that no row names: what is left when a process is killed between writing a file and committing its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice

from django.apps import apps
from django.core.files.storage import Storage
from django.utils import timezone

from clients import quotas
from errors import Unavailable
from storage.backend import is_encrypted, plain_name
from storage.fields import StoredImageField
from storage.files import STORAGE_ERRORS
from walls.current import EVERYONE, showing

AGE = timedelta(days=1)  # a younger file may belong to a transaction that is still open
BATCH = 500


def image_fields() -> set[StoredImageField]:
    """The column of every model that stores images."""
    fields = (field for model in apps.get_models() for field in model._meta.local_fields)
    return {field for field in fields if isinstance(field, StoredImageField)}


@showing(EVERYONE)  # the file of a row that is not shown would pass for an orphan
def remove_orphans(*, dry_run: bool = False) -> int:
    """Delete stored images that are older than a day and belong to no row. Returns how many. Raises `Unavailable`.

    Rows whose file has no recorded size get it on the way.
    """
    try:
        return sum(_remove_orphans(field, dry_run) for field in image_fields())
    except STORAGE_ERRORS as error:
        raise Unavailable("The image store does not answer.", code="storage.unavailable") from error


def _remove_orphans(field: StoredImageField, dry_run: bool) -> int:
    names, count = _stored_names(field.storage, field.folder), 0
    while batch := list(islice(names, BATCH)):
        # A row that was saved while its file was being encrypted may still have the former name.
        former = {name: plain_name(name) for name in batch if is_encrypted(name)}
        rows = field.model._default_manager.filter(**{f"{field.name}__in": [*batch, *former.values()]})
        sizes = dict(rows.values_list(field.name, "stored_bytes"))
        if not dry_run:
            _note_sizes(field, [name for name, size in sizes.items() if not size])
        for name in batch:
            is_named = name in sizes or former.get(name) in sizes
            if not is_named and field.storage.get_modified_time(name) < timezone.now() - AGE:
                count += 1
                if not dry_run:
                    field.storage.delete(name)
    return count


def _note_sizes(field: StoredImageField, names: Sequence[str]) -> None:
    """Of files that were stored before sizes were recorded; see `clients.quotas`."""
    for name in names:
        with suppress(FileNotFoundError):
            size = field.storage.size(name)
            field.model._default_manager.filter(**{field.name: name}).update(stored_bytes=size)
    if names:
        quotas.recount_files()


def _stored_names(storage: Storage, folder: str) -> Iterator[str]:
    """The names of all files in `folder`, which has a sub-folder for each client."""
    try:
        clients, _ = storage.listdir(folder)
    except FileNotFoundError:  # nothing was ever stored
        return
    for client in clients:
        for file in storage.listdir(f"{folder}/{client}")[1]:
            yield f"{folder}/{client}/{file}"
