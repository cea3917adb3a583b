"""Values that the blacklist's services return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blacklist.models import BlacklistEntry
from people.models import FaceTemplate, ReferenceImage
from people.types import Refusal


@dataclass(frozen=True)
class Enrolment:
    """What became of the images given for one entry."""

    entry: BlacklistEntry
    added: Sequence[ReferenceImage]
    refused: Sequence[Refusal]


@dataclass(frozen=True)
class Hit:
    """An entry within the threshold, with its closest template."""

    template: FaceTemplate
    distance: float

    @property
    def identity(self) -> str:
        """A logical name, `blacklist_db/<entry>/<file>`; no such path exists on the server."""
        return f"blacklist_db/{self.template.person_id}/{self.template.reference_image.file_name}"
