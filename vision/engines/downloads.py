"""Puts weight files in place: from an installed package, or downloaded, resumable and checked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from vision.engines.weights import WeightFile, digest

TIMEOUT = (5, 30)  # seconds to connect, seconds without a byte
CHUNK = 1 << 20  # bytes
WRONG_CONTENT = "text/html"  # an error or consent page in place of the file


class FetchError(Exception):
    """A file could not be put in place; the message tells an administrator why."""


def in_place(file: WeightFile) -> bool:
    """Whether the file lies there, unchanged where its hash is pinned."""
    return file.path.is_file() and (not file.sha256 or digest(file.path) == file.sha256)


class Fetcher:
    """Fetches files one after the other; a host that does not answer is tried only once."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._dead_hosts: set[str] = set()

    def fetch(self, file: WeightFile) -> None:
        """Put `file` in place unless it is. Raises `FetchError`."""
        if in_place(file):
            return
        file.path.parent.mkdir(parents=True, exist_ok=True)
        part = file.path.with_name(file.path.name + ".part")
        if file.package:
            copy_from_package(file, part)
        else:
            self._download(file, part)
        check(file, part)
        part.replace(file.path)
        pinned = "SHA-256 as pinned" if file.sha256 else f"not pinned, SHA-256 {digest(file.path)}"
        self._report(f"{file.name}: {file.path.stat().st_size / 1e6:.1f} MB, {pinned}")

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
            except requests.Timeout:
                reasons.append(f"{host}: too slow")
            except requests.HTTPError as error:
                reasons.append(f"{host}: HTTP {error.response.status_code}")
            except requests.RequestException as error:
                reasons.append(f"{host}: {error}")
        hint = "Check the network and run the command again; a partial download is continued."
        raise FetchError(f"{file.name} could not be downloaded ({'; '.join(reasons)}). {hint}")


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


def download(url: str, part: Path, *, label: str) -> None:
    """Download `url` to `part`, continuing what is there. Raises `requests.RequestException`."""
    start = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            raise requests.RequestException("the partial file was too long; run the command again")
        answer.raise_for_status()
        if answer.headers.get("Content-Type", "").startswith(WRONG_CONTENT):
            raise requests.RequestException("the answer was a web page instead of the file")
        if answer.status_code != requests.codes.partial_content:
            start = 0
        _save(answer, part, start, label)


def _save(answer: requests.Response, part: Path, start: int, label: str) -> None:
    expected = start + int(answer.headers.get("Content-Length", 0))
    bar = tqdm(total=expected or None, initial=start, unit="B", unit_scale=True, desc=label, disable=None)
    with bar, part.open("ab" if start else "wb") as handle:
        for chunk in answer.iter_content(CHUNK):
            handle.write(chunk)
            bar.update(len(chunk))
        size = handle.tell()
    if size < expected:
        raise requests.RequestException("the connection broke off")


def check(file: WeightFile, part: Path) -> None:
    """Raise `FetchError`, and remove `part`, when its hash is not the pinned one."""
    if file.sha256 and digest(part) != file.sha256:
        part.unlink()
        raise FetchError(f"{file.name} is not the file that is expected (its SHA-256 differs). It was removed.")
