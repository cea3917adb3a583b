"""Values that screening takes and returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import TextChoices

from blacklist.models import BlacklistEntry
from blacklist.types import Hit
from calibration.types import Comparison, OperatingPoint
from vision.types import Analysis, DetectedFace

if TYPE_CHECKING:
    from recognition.models import ProcessedFace


class ReviewState(TextChoices):
    """What people have made of a hit. A verdict is one of the first three."""

    CONFIRMED = "confirmed", "Confirmed"
    DISMISSED = "dismissed", "Dismissed"
    UNSURE = "unsure", "Unsure"
    OPEN = "open", "Open"
    REPEATED = "repeated", "Dismissed earlier"


VERDICTS = (ReviewState.CONFIRMED, ReviewState.DISMISSED, ReviewState.UNSURE)


@dataclass(frozen=True)
class ScreeningOptions:
    """How faces are found and compared.

    `detector` "" is the engine's own. `threshold` is a distance in `metric`: a face at this distance or below matches,
    as things stand now. Unless the caller has named it (`asked_threshold`), it is judged anew with each image.
    `ignored`: what the caller has named and this deployment does not use, by the name of the field.
    """

    engine: str
    detector: str
    metric: str
    threshold: float
    asked_threshold: float | None = None
    ignored: dict[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class LookedUpFace:
    """A face and the blacklist entries that are near it, closest first."""

    face: DetectedFace
    hits: Sequence[tuple[BlacklistEntry, Hit]]


@dataclass(frozen=True)
class LookUp:
    """The faces of an image that was looked up on the blacklist without being stored."""

    analysis: Analysis
    faces: Sequence[LookedUpFace]
    point: OperatingPoint


@dataclass(frozen=True)
class Sighting:
    """A screened face that is near to the one that was searched for.

    `comparison` decides among all faces that were searched; `alone` is the same distance as between two faces.
    """

    face: ProcessedFace
    comparison: Comparison
    alone: Comparison


@dataclass(frozen=True)
class Sightings:
    """Screened faces near to a face, closest first, among `searched` ones. `others`: further faces of the photograph,
    which were not searched for.
    """

    faces: Sequence[Sighting]
    searched: int
    others: int = 0
