"""Values that the blacklist's services return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blacklist.models import BlacklistEntry
from people.models import ReferenceImage
from people.types import Refusal


@dataclass(frozen=True)
class Enrolment:
    """What became of the images given for one entry."""

    entry: BlacklistEntry
    added: Sequence[ReferenceImage]
    refused: Sequence[Refusal]


@dataclass(frozen=True)
class Hit:
    """An entry within the threshold, with the closest of its photographs."""

    entry_id: int
    reference_image: ReferenceImage
    distance: float

    @property
    def identity(self) -> str:
        """A logical name, `blacklist_db/<entry>/<file>`; no such path exists on the server."""
        return f"blacklist_db/{self.entry_id}/{self.reference_image.file_name}"
