"""Values that the blacklist's services take and return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from blacklist.models import BlacklistEntry
from calibration.types import OperatingPoint
from people.models import ReferenceImage
from people.types import Refusal


@dataclass(frozen=True)
class Validity:
    """When an entry counts: while it is active and within its dates."""

    is_active: bool = True
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True)
class Enrolment:
    """What became of the images given for one entry."""

    entry: BlacklistEntry
    added: Sequence[ReferenceImage]
    refused: Sequence[Refusal]


@dataclass(frozen=True)
class SaidThere:
    """The words of a remote service: its name, its score and the id of its face; `point` decides on the distance."""

    backend: str
    score: float
    face_id: str
    point: OperatingPoint


@dataclass(frozen=True)
class Hit:
    """An entry within the threshold, with the closest of its photographs.

    `there`: what a remote service said, if it has found the entry.
    """

    entry_id: int
    entry_number: int
    reference_image: ReferenceImage
    distance: float
    there: SaidThere | None = None

    @property
    def identity(self) -> str:
        """A logical name, `blacklist_db/<entry's number>/<file>`; no such path exists on the server."""
        return f"blacklist_db/{self.entry_number}/{self.reference_image.file_name}"
