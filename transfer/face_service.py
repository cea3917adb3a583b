"""The people of "Face Service 1.1": who is registered, out of its Elasticsearch index or an export of that, and their
photographs, out of a folder.

Its embeddings come from another network and are not even read: people are enrolled from photographs.

An export is JSON: a document in each line (`{"_source": {…}}`, as elasticdump writes it, or the source alone), the
answer of `_search`, or a list of documents. A photograph is the file that a document names (`image_path`), or, below
the folder or its sub-folder for the source, the file or the files of the folder that is called as the person's id.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Set
from http.client import HTTPException
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from environment import open_regular
from people.types import Refusal
from transfer.folders import BadLayout, check_file, shown, visible
from transfer.people_import import Row

FIELDS = ("people_id", "source", "created_at", "meta_data", "image_path")
DEFAULT = "default"  # the name that the older service has for no source
PAGE, KEPT, SECONDS = 500, "5m", 60  # documents of an answer, how long the index keeps a scroll, wait for an answer
LONGEST_ANSWER = 64 * 1024 * 1024  # bytes
ADDRESS = re.compile(r"https?://", re.IGNORECASE)
SUFFIXES = {
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
}
NO_PHOTOGRAPH = "The folder has no photograph of this person."


def read_rows(where: str, folder: Path, *, default_source: str = "") -> list[Row]:
    """Every photograph of everybody who is registered; somebody without one is a refusal. Raises `BadLayout`.

    `where`: the address of the index, such as http://localhost:9200/face_index, or the file of an export.
    """
    documents = _of_index(where) if ADDRESS.match(where) else _of_export(Path(where))
    people: dict[tuple[str, str], dict[str, Any]] = {}
    nameless = 0
    for document in documents:
        person, source = _text(document.get("people_id")), _text(document.get("source"))
        nameless += not person
        if person:  # a later document of the same person takes the place of an earlier one
            people[source, person] = document
    _require_one_each(people.keys(), default_source)
    visible(folder)  # or say why it cannot be read
    photographs = Photographs(folder)
    rows = [row for key in sorted(people) for row in _rows(*key, people[key], photographs, default_source)]
    if nameless:
        refusal = Refusal(where_shown(where), "import.bad_record", f"{nameless} documents have no people_id.")
        rows.append(Row(folder, refusal.name, refusal=refusal))
    return rows


def _require_one_each(people: Set[tuple[str, str]], default_source: str) -> None:
    """Raise `BadLayout` where `--source` would give people of two sources, who have one id, one gallery."""
    if default_source in {"", DEFAULT}:
        return
    of_default = {person for source, person in people if source in {"", DEFAULT}}
    if twice := sorted(person for source, person in people if source == default_source and person in of_default):
        message = f"{len(twice)} ids are of other people in the source {default_source}. Name another one by --source."
        raise BadLayout(message)


def where_shown(where: str) -> str:
    """The index or file by its last part, without the password that an address may hold."""
    return where.rstrip("/").rpartition("/")[2].rpartition("@")[2]


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list | bool) else str(value)


def _rows(
    source: str, person: str, document: dict[str, Any], photographs: Photographs, default_source: str
) -> Iterator[Row]:
    gallery = default_source if source in {"", DEFAULT} else source
    metadata: dict[str, Any] = {"created_at": _text(document.get("created_at"))} if document.get("created_at") else {}
    if isinstance(document.get("meta_data"), dict):
        metadata["meta_data"] = document["meta_data"]
    found = photographs.of(source, person, _text(document.get("image_path")))
    for path in found:
        name = shown(path)
        refusal = check_file(path, photographs.root, name)
        yield Row(path, name, person, gallery, metadata=metadata, refusal=refusal)
    if not found:
        yield Row(photographs.folder, person, refusal=Refusal(person, "import.no_photograph", NO_PHOTOGRAPH))


class Photographs:
    """The files of a folder and of its sub-folders for sources, by what they are called without their suffix."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder.resolve()
        self.places: dict[Path, dict[str, list[Path]]] = {}

    def of(self, source: str, person: str, named: str) -> list[Path]:
        """By the exact id alone: part of a file's name may be another person's id."""
        if named and "\0" not in named:
            return [self.folder / named]
        places = [self.folder / source, self.folder] if is_name(source) else [self.folder]
        found = (self._at(place).get(person, []) for place in places if is_name(person))
        return next(filter(None, found), [])

    def _at(self, place: Path) -> dict[str, list[Path]]:
        if place not in self.places:
            files: dict[str, list[Path]] = defaultdict(list)
            for path in visible(place) if place.is_dir() else []:
                if path.is_dir() and path.resolve().is_relative_to(self.root):
                    files[path.name] += [inner for inner in visible(path) if inner.is_file()]
                elif not path.is_dir():
                    files[called(path)].append(path)
            self.places[place] = files
        return self.places[place]


def called(path: Path) -> str:
    """The name of a photograph without its suffix, but whole where what follows a dot is part of an id."""
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def is_name(text: str) -> bool:
    """Whether this can be the name of a file or folder, and is no way to another one."""
    return text not in {"", ".", ".."} and not set(text) & set("/\\\0")


# ---- an export --------------------------------------------------------------------------------------------------
def _of_export(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with TextIOWrapper(open_regular(file), encoding="utf-8-sig") as handle:
            yield from _read(handle)
    except (OSError, ValueError, RecursionError) as error:
        raise BadLayout("The export cannot be read; it has to be JSON in UTF-8, and complete.") from error


def _read(handle: IO[str]) -> Iterator[dict[str, Any]]:
    """Line by line where each is a document; whole otherwise."""
    first = handle.readline()
    try:
        document = json.loads(first)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "hits" in document:
        yield from _documents(json.loads(first + handle.read()))
        return
    yield _source(document)
    for line in handle:
        if line.strip():
            yield _source(json.loads(line))


def _documents(found: Any) -> Iterator[dict[str, Any]]:
    """The sources of an answer of `_search`, or of a list. Raises ValueError."""
    if isinstance(found, dict) and "hits" in found:
        found = found["hits"].get("hits") if isinstance(found["hits"], dict) else None
    elif isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        raise ValueError("no documents")
    for document in found:
        yield _source(document)


def _source(document: Any) -> dict[str, Any]:
    """A document without what the index says of it. Raises ValueError."""
    source = document.get("_source", document) if isinstance(document, dict) else None
    if not isinstance(source, dict):
        raise ValueError("no document")
    return {name: source[name] for name in FIELDS if name in source}


# ---- an index ---------------------------------------------------------------------------------------------------
def _of_index(address: str) -> Iterator[dict[str, Any]]:
    """Page by page, without the vectors. Raises `BadLayout`."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise BadLayout("The address of the index is not a URL.") from error
    host = parts.netloc.rpartition("@")[2]
    server = urlunsplit((parts.scheme, host, "", "", ""))
    headers = {"Content-Type": "application/json"}
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    query = {"size": PAGE, "sort": ["_doc"], "_source": list(FIELDS)}
    answer = _ask(f"{server}/{parts.path.strip('/')}/_search?scroll={KEPT}", query, headers)
    while True:
        try:
            documents = list(_documents(answer))
        except ValueError as error:
            raise BadLayout("This address does not answer as an index of Elasticsearch does.") from error
        if not documents:
            return
        yield from documents
        answer = _ask(f"{server}/_search/scroll", {"scroll": KEPT, "scroll_id": answer.get("_scroll_id")}, headers)


class _NoRedirects(HTTPRedirectHandler):
    """A password is sent to nobody but the server that was named, so neither are proxies of the environment used."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _ask(address: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    request = Request(address, json.dumps(body).encode(), headers, method="POST")  # noqa: S310  http and https only
    try:
        with build_opener(ProxyHandler({}), _NoRedirects).open(request, timeout=SECONDS) as response:
            data = response.read(LONGEST_ANSWER + 1)
        answer = json.loads(data) if len(data) <= LONGEST_ANSWER else None
    except HTTPError as error:
        raise BadLayout(f"The index cannot be read: HTTP {error.code}.", code="import.unreadable") from error
    except (URLError, HTTPException, OSError) as error:
        raise BadLayout("The index cannot be reached.", code="import.unreadable") from error
    except (ValueError, RecursionError):
        answer = None
    page: dict[str, Any] = answer if isinstance(answer, dict) else {}
    is_whole = isinstance(page.get("hits"), dict) and not page.get("timed_out")
    if not (is_whole and isinstance(page.get("_scroll_id"), str)):
        raise BadLayout("This address does not answer as an index of Elasticsearch does.")
    return page
