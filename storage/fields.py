"""The column of a stored image."""

from __future__ import annotations

import uuid
from operator import attrgetter
from os import PathLike
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.db import models

from storage.backend import ClientFiles, encrypted_name


class StoredImageField(models.FileField):
    """An image file, stored as `<folder>/<client id>/<random name>.enc.<extension>`, encrypted (`storage.backend`).

    Of the caller's file name only the extension reaches the storage. `owner` is the attribute of the row that holds
    the client's id, dotted if it belongs to a related row. Each field has a folder of its own, in which
    `storage.orphans` looks for files that no row names.
    """

    def __init__(self, *args: Any, folder: str, owner: str = "client_id", **kwargs: Any) -> None:
        self.folder, self.owner = folder, owner
        options: dict[str, Any] = {"max_length": 200, "storage": ClientFiles()}
        super().__init__(*args, **options | kwargs)

    def generate_filename(self, instance: models.Model | None, filename: str | PathLike[str]) -> str:
        client_id = attrgetter(self.owner)(instance)
        name = f"{self.folder}/{client_id}/{uuid.uuid4().hex}{PurePosixPath(filename).suffix}"
        return str(self.storage.generate_filename(encrypted_name(name) if settings.ENCRYPT_FILES else name))

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["upload_to"], kwargs["storage"]
        return name, path, args, {**kwargs, "folder": self.folder, "owner": self.owner}
