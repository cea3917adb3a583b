"""The files that somebody names on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

IMAGES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif"}


@dataclass(frozen=True)
class Picture:
    """A file, and the folder that was named and in which it was found; None where the file itself was named."""

    path: Path
    below: Path | None = None

    @property
    def title(self) -> str:
        """As short as it can be told from others."""
        return str(self.path.relative_to(self.below)) if self.below else str(self.path)

    @property
    def person(self) -> str:
        """Whom it shows, by its place: the inner folder's name, or the file's."""
        inside = self.below is not None and self.path.parent != self.below
        return self.path.parent.name if inside else self.path.stem

    def read(self) -> tuple[str, bytes]:
        """Name and content, to be sent. Raises `OSError`."""
        return self.path.name, self.path.read_bytes()


def pictures(named: Iterable[str]) -> Iterator[Picture]:
    """Files as they are named, readable or not, and in the place of folders the images in them, at any depth."""
    for name in named:
        path = Path(name)
        if path.is_dir():
            yield from (Picture(file, path) for file in sorted(path.rglob("*")) if _is_image(file, path))
        else:
            yield Picture(path)


def _is_image(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.suffix.lower() in IMAGES and not hidden and (file.is_file() or file.is_symlink())
