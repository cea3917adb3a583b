"""What the service answers about galleries and engines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SearchIndex:
    """The approximate index of a large gallery. Recall, 0 to 1: of the people within the threshold those it finds.

    `recall_first` is that of the nearest person, `recall_nearest` that of the ten nearest.
    """

    is_used: bool
    problem: str
    space: str
    templates: int
    recall: float | None
    recall_first: float | None
    recall_nearest: float | None
    built_at: datetime | None


@dataclass(frozen=True)
class Gallery:
    """A set of people that is searched together. `people`: how many; `search_index`: None if searches are exact.

    `threshold` and targets are the gallery's own; None leaves them to the client and the deployment. A key without the
    scope `people:read` gets the name, `created_at` and what it wrote.
    """

    name: str
    created_at: datetime
    kind: str = ""
    is_default: bool = False
    people: int = 0
    space: str = ""
    backend: str = ""
    threshold: float | None = None
    fpir_per_thousand: float | None = None
    fmr_per_million: float | None = None
    review_fpir_per_thousand: float | None = None
    search_index: SearchIndex | None = None


@dataclass(frozen=True)
class Found:
    """A person of a gallery, and the photograph that it is about."""

    person_id: int
    person_uuid: str
    external_id: str | None
    name: str
    reference_image_id: int


@dataclass(frozen=True)
class LookAlikes:
    """Two people within the threshold, each with the photograph that is nearest to the other's."""

    people: list[Found]
    distance: float
    similarity: float


@dataclass(frozen=True)
class OddPhotograph(Found):
    """A photograph beyond the threshold from all others of the person; the distance is to the nearest of them."""

    distance: float
    similarity: float


@dataclass(frozen=True)
class PoorPerson(Found):
    """A person whose photographs are all poor, with the best of them. `recognisability`: 0 to 1; None: not assessed."""

    recognisability: float | None
    reason: str | None


@dataclass(frozen=True)
class FirstLookAlikes:
    """The first rows of a list of `total_items`."""

    total_items: int
    items: list[LookAlikes]


@dataclass(frozen=True)
class FirstOddPhotographs:
    """The first rows of a list of `total_items`."""

    total_items: int
    items: list[OddPhotograph]


@dataclass(frozen=True)
class FirstPoorPeople:
    """The first rows of a list of `total_items`."""

    total_items: int
    items: list[PoorPerson]


@dataclass(frozen=True)
class GalleryHealth:
    """What is known of a gallery. `status`: `never_computed`, `computing`, `current` or `outdated`."""

    status: str
    computed_at: datetime | None
    space: str
    metric: str
    threshold: float
    poor_below: float
    look_alikes: FirstLookAlikes
    odd_photographs: FirstOddPhotographs
    poor_people: FirstPoorPeople


@dataclass(frozen=True)
class Respace:
    """A move of all galleries to another space. `status`: `computing`, `ready`, `switched` or `closed`.

    Of `compared` faces, how many would have lost their match, gained one, or matched another person.
    """

    id: int
    uuid: str
    space: str
    status: str
    photographs: int
    templates: int
    failed: int
    people_at_risk: int
    compared: int
    lost_matches: int
    new_matches: int
    other_matches: int
    created_at: datetime
    computed_at: datetime | None
    switched_at: datetime | None


@dataclass(frozen=True)
class Engine:
    """An enabled engine. `missing`: weight files that are not in place."""

    alias: str
    model: str
    detector: str
    space: str
    dimensions: int
    metric: str
    device: str
    missing: list[str]


@dataclass(frozen=True)
class WeightFile:
    """A file of weights."""

    name: str
    sha256: str
    origin: str
    in_place: bool


@dataclass(frozen=True)
class ModelCard:
    """What is known about a model. `permitted`: the deployment's licence setting allows its weights."""

    name: str
    kind: str
    title: str
    enabled: bool
    permitted: bool
    licence: str
    code_licence: str
    training_data: str
    stated_by: str
    accuracy: str
    dimensions: int | None
    files: list[WeightFile]


@dataclass(frozen=True)
class Engines:
    """The engines of a deployment, the default one first, and every model that it could use."""

    licence: str
    engines: list[Engine]
    models: list[ModelCard]
