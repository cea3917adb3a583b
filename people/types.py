"""Values that the gallery's services take and return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from django.db import models
from django.db.models.fields.files import FieldFile

from calibration.types import Comparison, Decision, OperatingPoint
from errors import InvalidInput
from vectors.stored import Rotated
from vision.images import ImageInfo
from vision.regions import Region
from vision.selection import FaceChoice
from vision.types import Box, DetectedFace, Embedding, Upload

if TYPE_CHECKING:
    from clients.models import Client
    from people.models import Person, ReferenceImage

# As `vision.selection` has it, or the face that the metadata marks with the person's name (if none: the only one).
EnrolledFace = FaceChoice | Literal["named"]
Faces = Literal["all", "largest"]
TARGETS = ("fpir_per_thousand", "fmr_per_million", "review_fpir_per_thousand")  # of a gallery; see `calibration`
# Characters of a person's texts, as the tables have it.
LONGEST = {"external_id": 512, "source": 100, "name": 100, "legal_basis": 500}


class GalleryKind(models.TextChoices):
    """What a gallery holds: people whom a client knows, or people whom screening looks for."""

    PEOPLE = "people"
    BLACKLIST = "blacklist"


class RespaceState(models.TextChoices):
    """Which space decides while a client moves from one to another.

    `open`: the old one. `switched`: the new one, and there is a way back. `closed`: nothing of it is left to do.
    """

    OPEN = "open"
    SWITCHED = "switched"
    CLOSED = "closed"


class HealthStatus(StrEnum):
    """Whether the health of a gallery describes the people of now."""

    NEVER_COMPUTED = "never_computed"
    COMPUTING = "computing"
    CURRENT = "current"
    OUTDATED = "outdated"


class Gate(StrEnum):
    """How good a face must be to be enrolled. See `people.quality_gate`."""

    OFF = "off"
    STANDARD = "standard"
    STRICT = "strict"


@dataclass(frozen=True)
class Remark:
    """What is wrong with a face: a stable code (`quality.*`) and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Whom:
    """Whose face is enrolled: `person`, or the person with this external id in the gallery that `source` names.

    A person who does not exist yet is created; `name`, `metadata` and `legal_basis` change if they are given. Without
    an external id the person is new.
    """

    person: Person | None = None
    external_id: str | None = None
    source: str = ""
    name: str = ""
    metadata: Mapping[str, Any] | None = None
    legal_basis: str = ""


@dataclass(frozen=True)
class EnrolmentRules:
    """How a face is chosen, judged and stored.

    `marked`: where the face is, instead of `face_choice`. `replace`: all earlier photographs go, in the same step.
    `only_new`: an external id that is taken is refused. `gate`: None is the deployment's. `is_import`: an
    administrator's command enrols, and no liveness policy applies. `surer_than`: faces whose confidence is not above
    this are overlooked.
    """

    replace: bool = False
    only_new: bool = False
    gate: Gate | None = None
    face_choice: EnrolledFace = "only"
    marked: Region | None = None
    is_import: bool = False
    surer_than: float = -1.0


@dataclass(frozen=True)
class Portrait:
    """An image and the one face of it that is meant, with that face's embedding in every enabled space."""

    upload: Upload
    info: ImageInfo
    face: DetectedFace
    width: int  # pixels of the upright image, as the face's box counts them
    height: int


@dataclass(frozen=True)
class AdoptedFace:
    """A face that another part of the service has described already, to be stored without another analysis.

    `box` in pixels of an image of `width` by `height`; `embedding` of `space`, rotated. `picture` is that image,
    encoded, or None for a face that is known by its embedding alone. `further`: others by the name of their space.
    """

    box: Box
    width: int
    height: int
    confidence: float
    quality: dict[str, Any]
    space: str
    embedding: Rotated
    picture: bytes | None
    further: Mapping[str, Rotated] = field(default_factory=dict)


@dataclass(frozen=True)
class Neighbour:
    """A person near a probe, by the closest of that person's templates."""

    person_id: int
    reference_image_id: int
    gallery_id: int
    distance: float


@dataclass(frozen=True)
class Resemblance:
    """Two people whose photographs are this far apart."""

    person_id: int
    reference_image_id: int
    other_id: int
    other_image_id: int
    distance: float


@dataclass(frozen=True)
class Refusal:
    """Why one file of several was not taken. `reason`: that of a face that cannot be recognised."""

    name: str
    code: str
    message: str
    reason: str | None = None


@dataclass(frozen=True)
class Proof:
    """Evidence that a living person stands behind an image: frames, or a session's token.

    `asked`: whether the caller wants the check; what the client's policy demands is checked in any case. `min_frames`
    must show the person; 0: three of five. `subject`: that of the token's session, for calls without a person.
    """

    frames: Sequence[bytes] = ()
    token: str = ""
    asked: bool = True
    min_frames: int = 0
    subject: str = ""


@dataclass(frozen=True)
class LiveComparison:
    """Two faces, and whether a living person shows the second; None if that was not checked.

    `reasons` are the codes of why `is_live` is false.
    """

    comparison: Comparison
    is_live: bool | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probe:
    """What a search looks for: the faces of an encoded image, or embeddings, each (dimensions,) of the space."""

    data: bytes | None = None
    embeddings: Sequence[Embedding] = ()


@dataclass(frozen=True)
class SearchOptions:
    """Where and how to search.

    `sources`: names of galleries ("" for the default one); None searches all. `threshold`: a distance that decides
    instead of the galleries' own operating points. `limit`: candidates for each face. `alias` of the engine whose space
    is searched; None leaves it to the galleries.
    """

    sources: Sequence[str] | None = None
    faces: Faces = "all"
    limit: int = 10
    threshold: float | None = None
    alias: str | None = None


@dataclass(frozen=True)
class SourcedImage:
    """One image of several to be searched for, or why it could not be read, and the gallery to search."""

    data: bytes | InvalidInput
    source: str


@dataclass(frozen=True)
class Candidate:
    """A person of the gallery with the closest of that person's photographs."""

    person: Person
    reference_image: ReferenceImage
    comparison: Comparison


@dataclass(frozen=True)
class SearchedFace:
    """One face of a probe (None for an embedding) and the people nearest to it, closest first.

    Nobody is searched for a face that cannot be recognised.
    """

    face: DetectedFace | None
    candidates: tuple[Candidate, ...]

    @property
    def decision(self) -> Decision:
        """What is said about the face: the best that is said of a candidate."""
        if self.face and not self.face.is_recognisable:
            return Decision.NOT_RECOGNISABLE
        said = {candidate.comparison.decision for candidate in self.candidates}
        return next((one for one in (Decision.MATCH, Decision.REVIEW) if one in said), Decision.NO_MATCH)

    @property
    def reason(self) -> str | None:
        """Why the face cannot be recognised: a code of `vision.quality`."""
        if self.face is None or self.face.is_recognisable:
            return None
        return self.face.recognisability_reason or "unclear"

    @property
    def box(self) -> Box | None:
        return self.face.box if self.face else None

    @property
    def matches(self) -> tuple[Candidate, ...]:
        """The candidates within the threshold."""
        return tuple(candidate for candidate in self.candidates if candidate.comparison.matches)


@dataclass(frozen=True)
class Search:
    """The answer to a 1:N search: one item per face, in the order of the analysis, or per embedding."""

    faces: tuple[SearchedFace, ...]
    space: str
    point: OperatingPoint
    milliseconds: float = 0.0  # of the engine

    @property
    def metric(self) -> str:
        return self.point.metric

    @property
    def threshold(self) -> float:
        return self.point.threshold

    @property
    def matches(self) -> tuple[Candidate, ...]:
        """The matches of the first face: all that there is to say about an image with one face."""
        return self.faces[0].matches if self.faces else ()


@dataclass(frozen=True)
class PersonAtRisk:
    """A person whose face would not be found any more after a step of a respace, by ids that callers know."""

    number: int
    gallery: str
    reason: str


@dataclass(frozen=True)
class FaceComparisons:
    """One face against several images. An image without a usable face has a `Refusal` in its place."""

    results: tuple[Comparison | Refusal, ...]
    space: str
    point: OperatingPoint

    @property
    def metric(self) -> str:
        return self.point.metric

    @property
    def threshold(self) -> float:
        return self.point.threshold


@dataclass(frozen=True)
class Enrolment:
    """What was stored of an image. `remarks`: what a strict gate would say about the face.

    `duplicates`: other people of the same client and source whose face is within the threshold, closest first.
    """

    person: Person
    reference_image: ReferenceImage
    portrait: Portrait
    remarks: tuple[Remark, ...] = ()
    duplicates: tuple[Candidate, ...] = ()
    created: bool = False  # whether the person is new

    @property
    def reasons(self) -> list[str]:
        """The codes of the remarks."""
        return [remark.code for remark in self.remarks]


@dataclass
class Leaving:
    """Somebody who is being erased, or (`is_whole` false) loses photographs.

    `probes`: rotated embeddings by the name of their space, to search for; empty: nothing is searched. Found
    faces are named in the receipt `receipt_id`.
    """

    person: Person
    is_whole: bool
    probes: dict[str, list[Rotated]] = field(default_factory=dict)
    receipt_id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class Taken:
    """What a part of the service has erased: rows by kind, hashes of what they were called, and files to be deleted.

    `remaining`: as `audit.receipts.add` takes it.
    """

    counts: Counter[str] = field(default_factory=Counter)
    objects: list[str] = field(default_factory=list)
    files: list[FieldFile] = field(default_factory=list)
    remaining: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    """Whose data is asked for: a person, or (None) the face of an image; `probes` as in `Leaving`."""

    client: Client
    person: Person | None
    probes: Mapping[str, list[Rotated]]


@dataclass(frozen=True)
class Held:
    """What a part of the service holds of somebody: rows as JSON objects, and what was not searched and why."""

    kind: str
    rows: list[dict[str, Any]]
    not_searched: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class BatchEnrolment:
    """What became of several photographs of one person: how many could be used, and why the others could not.

    `person` is None when they were too few and nothing was stored.
    """

    person: Person | None
    usable: int
    refusals: tuple[Refusal, ...] = ()
