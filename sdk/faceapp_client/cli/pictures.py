"""The files that are named on the command line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from faceapp_client.cli.escaping import sendable
from faceapp_client.uploads import read_file

# Of the formats that the service reads.
SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".heic", ".heif", ".hif", ".avif"),
}


@dataclass(frozen=True)
class Picture:
    """A file, and the folder that was named and in which it was found; None where the file itself was named."""

    path: Path
    below: Path | None = None

    @property
    def title(self) -> str:
        """The shortest path that tells it from the others."""
        return str(self.path.relative_to(self.below)) if self.below else str(self.path)

    @property
    def person(self) -> str:
        """The name of the person it shows, by its place: that of the inner folder, or of the file."""
        inside = self.below is not None and self.path.parent != self.below
        return sendable(self.path.parent.name if inside else self.path.stem)

    def read(self) -> tuple[str, bytes]:
        """Name and content, to be sent. Raises `OSError`."""
        return self.path.name, read_file(self.path)


@dataclass(frozen=True)
class Found:
    """What one name of the command line stands for. `skipped`: how many files of a folder have which other suffix."""

    pictures: list[Picture]
    skipped: Counter[str]


def find(name: str) -> Found:
    """The file of this name, readable or not, or the images in this folder, at any depth; hidden ones are left out."""
    folder = Path(name)
    if not folder.is_dir():
        return Found([Picture(folder)], Counter())
    found = Found([], Counter())
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not (path.is_file() or path.is_symlink()):
            continue
        suffix = path.suffix.lower()
        if suffix in SUFFIXES:
            found.pictures.append(Picture(path, folder))
        elif path.is_file():  # not a link to a folder
            found.skipped[suffix] += 1
    return found
