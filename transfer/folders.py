"""Photographs on the administrator's disk: a folder with one sub-folder per person.

Nothing outside the named folder is read: links and paths that lead out are refused, and files are read one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from environment import read_regular
from errors import InvalidInput
from people.types import Refusal
from vision.types import Upload


class BadLayout(InvalidInput):
    """The folder or the file is not what the command reads."""

    code = "import.bad_layout"


@dataclass(frozen=True)
class PersonFolder:
    """A sub-folder of photographs; `refused` lists files that are not read."""

    name: str
    files: list[Path] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def read_people(folder: Path) -> list[PersonFolder]:
    """Every sub-folder with its files, sorted by name, without hidden ones.

    Raises `BadLayout`, with the code `import.unreadable` if the folder cannot be read.
    """
    inside = visible(folder)
    root, people = folder.resolve(), []
    for path in inside:
        if not path.is_dir():
            continue
        person = PersonFolder(path.name)
        people.append(person)
        if not path.resolve().is_relative_to(root):
            person.refused.append(Refusal(path.name, "import.outside", "This link leads out of the folder."))
            continue
        try:
            files = visible(path)
        except BadLayout as error:
            person.refused.append(Refusal(path.name, error.code, error.message))
            continue
        for file in files:
            if refusal := check_file(file, root, shown(file)):
                person.refused.append(refusal)
            else:
                person.files.append(file)
    return people


def visible(folder: Path) -> list[Path]:
    """What is in a folder, sorted by name, without hidden files. Raises `BadLayout` if it cannot be read."""
    try:
        if not folder.is_dir():
            raise BadLayout("This is neither a folder nor a file." if folder.exists() else "The folder does not exist.")
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise BadLayout(f"The folder cannot be read: {error.strerror}.", code="import.unreadable") from error


def shown(path: Path) -> str:
    """How reports name a file: its folder and its own name."""
    return f"{path.parent.name}/{path.name}"


def check_file(path: Path, root: Path, name: str) -> Refusal | None:
    """Why a file must not be read, as far as the file system tells; `root` is the resolved folder around it."""
    try:
        if not path.resolve().is_relative_to(root):
            return Refusal(name, "import.outside", "This path leads out of the folder.")
        if not path.is_file():
            message = "This is not a file; folders inside a person's folder are not read."
            return Refusal(name, "import.not_a_file", message)
        if path.stat().st_size > settings.MAX_IMAGE_BYTES:
            return Refusal(name, "image.too_large", f"The file is larger than {settings.MAX_IMAGE_BYTES} bytes.")
    except OSError as error:
        return unreadable(name, error)
    return None


def read_upload(path: Path, name: str) -> Upload | Refusal:
    """The bytes of a file, or why it cannot be read."""
    try:
        return Upload(read_regular(path), name)
    except OSError as error:
        return unreadable(name, error)


def unreadable(name: str, error: OSError) -> Refusal:
    """What is said of a file that the file system does not let be read."""
    return Refusal(name, "import.unreadable", f"The file cannot be read: {error.strerror}.")
