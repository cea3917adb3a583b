"""A folder of a photo library, in which years of work have marked and named faces, as people to enrol.

Each named region becomes a photograph of the person of that name: the part of the picture around it, as JPEG. The same
picture and region make the same bytes, so that a repeated import knows them. docs/photo-libraries.md has the rules.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from environment import read_regular
from errors import InvalidInput
from people.types import Refusal
from transfer.folders import check_file, unreadable, visible
from transfer.people_import import Row
from vision.images import may_be_image
from vision.sidecars import regions_of, sidecar_of

START = 64  # bytes, by which a format is known


def marked_rows(folder: Path, *, source: str = "") -> Iterator[Row]:
    """Every named face of the photographs below a folder, and what cannot be read; the rest of the files is left out.

    Raises `BadLayout` if the folder cannot be read.
    """
    visible(folder)
    return _rows(folder, folder.resolve(), source)


def _rows(folder: Path, root: Path, source: str) -> Iterator[Row]:
    for path in _files(folder):
        name = str(path.relative_to(folder))
        try:
            yield from _rows_of(path, root, name, source)
        except InvalidInput as error:
            yield Row(path, name, refusal=Refusal(name, error.code, error.message))
        except OSError as error:
            yield Row(path, name, refusal=unreadable(name, error))


def _files(folder: Path) -> Iterator[Path]:
    """In order of their names, without hidden files and folders, and without following links to folders."""
    for inside, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(inside, name) for name in sorted(files) if not name.startswith("."))


def _rows_of(path: Path, root: Path, name: str, source: str) -> Iterator[Row]:
    if path.suffix.lower() == ".xmp" or not path.resolve().is_relative_to(root) or not path.is_file():
        return
    sidecar = sidecar_of(path)
    if not sidecar and not _is_image(path):
        return
    if refusal := check_file(path, root, name):
        yield Row(path, name, refusal=refusal)
        return
    for region in regions_of(read_regular(path), sidecar):
        if region.name:
            yield Row(path, f"{name} ({region.name})", region.name, source, region.name, region=region)


def _is_image(path: Path) -> bool:
    with path.open("rb") as file:
        return may_be_image(file.read(START))
