"""Files that no row names: what is left when a process is killed between writing a file and committing its row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from django.core.files.storage import Storage
from django.db.models import FileField, Model
from django.utils import timezone

from errors import Unavailable
from people.models import ReferenceImage
from people.services import STORAGE_ERRORS
from recognition.models import ProcessedImage

# Which rows name the files of a folder; apps above add theirs when they start.
FOLDERS: dict[str, type[Model]] = {"references": ReferenceImage, "processed": ProcessedImage}
AGE = timedelta(days=1)  # a younger file may belong to a transaction that is still open
BATCH = 500


def remove_orphans(*, dry_run: bool = False) -> int:
    """Delete stored images older than a day that no row names. Returns how many. Raises `Unavailable`."""
    try:
        return sum(_remove_orphans(folder, model, dry_run) for folder, model in FOLDERS.items())
    except STORAGE_ERRORS as error:
        raise Unavailable("The image store does not answer.", code="storage.unavailable") from error


def _remove_orphans(folder: str, model: type[Model], dry_run: bool) -> int:
    field = model._meta.get_field("image")
    assert isinstance(field, FileField)
    names, count = _stored(field.storage, folder), 0
    while batch := list(islice(names, BATCH)):
        known = set(model._default_manager.filter(image__in=batch).values_list("image", flat=True))
        for name in batch:
            if name not in known and field.storage.get_modified_time(name) < timezone.now() - AGE:
                count += 1
                if not dry_run:
                    field.storage.delete(name)
    return count


def _stored(storage: Storage, folder: str) -> Iterator[str]:
    """Names below `folder`: one folder per client, files in it."""
    try:
        clients, _ = storage.listdir(folder)
    except FileNotFoundError:  # nothing was ever stored
        return
    for client in clients:
        for file in storage.listdir(f"{folder}/{client}")[1]:
            yield f"{folder}/{client}/{file}"
