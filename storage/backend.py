"""The Django storage of clients' files: what Django's default storage holds, encrypted by the client's key."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import IO, Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, default_storage
from django.utils.deconstruct import deconstructible

from storage.encryption import decrypted, encrypted, plain_size

MARK = ".enc"  # in the name, before the extension: such a file is never read unless it is authentic


@deconstructible
class ClientFiles(Storage):
    """Files called `<folder>/<client id>/<name>`. Those with `MARK` in their name are encrypted, older ones are not."""

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        """Raises `FileExistsError` if the name is taken, because an encrypted file opens under its own name only."""
        if not name or not is_encrypted(name):
            return default_storage.save(name, content, max_length)
        chunks = content.chunks() if isinstance(content, File) else content
        data = encrypted(chunks, client_id=client_of(name), name=name)
        stored = default_storage.save(name, ContentFile(data), max_length)
        if stored != name:
            default_storage.delete(stored)
            raise FileExistsError(name)
        return stored

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """The file, for reading. Raises what `storage.encryption.decrypted` does, and FileNotFoundError."""
        if mode != "rb":
            raise ValueError("Files of clients are saved as a whole.")
        if is_encrypted(name):
            return ClientFile(name)
        try:
            return default_storage.open(name)
        except FileNotFoundError:  # it may have been encrypted since the row was read
            return ClientFile(encrypted_name(name))

    def size(self, name: str) -> int:
        size = default_storage.size(name)
        return plain_size(size) if is_encrypted(name) else size

    def delete(self, name: str) -> None:
        default_storage.delete(name)

    def exists(self, name: str) -> bool:
        return default_storage.exists(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        return default_storage.listdir(path)

    def get_modified_time(self, name: str) -> datetime:
        return default_storage.get_modified_time(name)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return default_storage.get_available_name(name, max_length)


class ClientFile(File):  # type: ignore[type-arg]
    """An encrypted file, open for reading; `open` begins again."""

    def __init__(self, name: str) -> None:
        super().__init__(None, name)  # `open` sets the file
        self.open()

    def open(self, mode: str | None = None, *args: Any, **kwargs: Any) -> ClientFile:
        if self.file:
            self.file.close()
        name = str(self.name)
        source = default_storage.open(name)
        try:
            size = default_storage.size(name)
            self.file = decrypted(source, size=size, client_id=client_of(name), name=name)
        except BaseException:
            source.close()
            raise
        return self


def is_encrypted(name: str) -> bool:
    return MARK in PurePosixPath(name).suffixes


def encrypted_name(name: str) -> str:
    """What a file is called once it is encrypted."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}{MARK}{path.suffix}"))


def plain_name(name: str) -> str:
    """What an encrypted file was called before."""
    path = PurePosixPath(name)
    return str(path.with_name(path.name.replace(MARK, "", 1)))


def client_of(name: str) -> int:
    """The number of the client whose file it is."""
    return int(PurePosixPath(name).parts[1])
