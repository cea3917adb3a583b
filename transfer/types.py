"""Values that imports and exports return."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from people.types import Refusal


@dataclass
class Outcome:
    """What an import has done so far, or would do. It grows while the import runs.

    `added` counts new people or blacklist entries, `found` people of an archive who are there already, `images`
    photographs, `faces` faces that came without a picture, `known` photographs and faces that are there already.
    `alike` are photographs whose face is enrolled under another id as well.
    """

    added: int = 0
    found: int = 0
    images: int = 0
    faces: int = 0
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)
    alike: list[Refusal] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the set is stored now."""
        return not (self.added or self.found or self.images or self.faces or self.known)


@dataclass
class Exported:
    """What an archive has. `faces` have no picture; `templates` counts by space; `refused` lists lost image files."""

    people: int = 0
    images: int = 0
    faces: int = 0
    templates: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
