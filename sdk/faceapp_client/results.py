"""What the service answers. Every field is one of the API's; properties answer the most common questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Point = list[float]  # x, y in pixels


@dataclass(frozen=True)
class Box:
    """Pixels of the upright image."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class FacialArea(Box):
    """A box and five points. Left and right are the person's own."""

    left_eye: Point | None = None
    right_eye: Point | None = None
    nose: Point | None = None
    mouth_left: Point | None = None
    mouth_right: Point | None = None


@dataclass(frozen=True)
class DetectedFace:
    """A face of an image. `liveness`: 0 to 1, None where its weights are missing.

    `turn`: by how many degrees (0, 90, 180 or 270) the image must be turned clockwise to put the face upright.
    `attributes`: guesses of age and gender, None unless the service has them switched on.
    """

    facial_area: FacialArea
    confidence: float
    quality: dict[str, Any] | None = None
    liveness: float | None = None
    attributes: dict[str, Any] | None = None
    turn: int = 0


@dataclass(frozen=True)
class Comparison:
    """How alike two faces are, and what is decided: `match`, `no_match`, `review` or `not_recognisable`.

    `similarity`: 0 to 1, 0.7 where one pair of strangers in 10,000 is as alike; None, as `distance`, if a face cannot
    be recognised, for a `reason`. `margin`: above the best other candidate. `false_match_rate`: the share of strangers'
    pairs within the threshold, None if it is not known; `basis`: what the rates rest upon, `remote_score` for none.
    """

    distance: float | None
    similarity: float | None
    threshold: float
    decision: str
    margin: float | None = None
    reason: str | None = None
    false_match_rate: float | None = None
    false_alarm_rate: float | None = None
    extrapolated: bool = False
    basis: str = ""
    people: int = 1

    @property
    def matches(self) -> bool:
        """Whether the service says that both are one person."""
        return self.decision == "match"


@dataclass(frozen=True)
class Remark:
    """Why something was refused, or could be better. `code` is stable."""

    code: str
    message: str


@dataclass(frozen=True)
class ComparedImage:
    """One of several images: its comparison, or why there is none."""

    comparison: Comparison | None
    error: Remark | None

    @property
    def matches(self) -> bool:
        return self.comparison is not None and self.comparison.matches


@dataclass(frozen=True)
class Comparisons:
    """One result per image, in their order."""

    space: str
    metric: str
    threshold: float
    results: list[ComparedImage]
    false_match_rate: float | None = None


# ---- people -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Photograph:
    """A stored photograph and the box of its face, in pixels."""

    id: int
    original_name: str
    url: str
    width: int
    height: int
    box_x: int
    box_y: int
    box_w: int
    box_h: int
    confidence: float
    created_at: datetime
    quality: dict[str, Any] | None = None
    uuid: str | None = None


@dataclass(frozen=True)
class PersonPhotograph(Photograph):
    """One of a person of the gallery. `embeddings`: by space, where the call asked for them."""

    is_primary: bool = False
    embeddings: dict[str, list[float]] | None = None


@dataclass(frozen=True)
class Candidate:
    """A person of the gallery as a candidate for a face."""

    person_id: int
    external_id: str | None
    name: str
    source: str
    reference_image_id: int
    comparison: Comparison


@dataclass(frozen=True)
class Enrolment:
    """What was enrolled. `remarks`: what a strict gate would refuse; `duplicates`: other people with this face."""

    image: PersonPhotograph
    box: Box
    quality: dict[str, Any]
    remarks: list[Remark]
    duplicates: list[Candidate]


@dataclass(frozen=True)
class Person:
    """A person of the gallery. `primary_image` is the chosen photograph, or the first one.

    A key without the scope `people:read` gets the ids, `created_at` and what it wrote.
    """

    id: int
    created_at: datetime
    external_id: str | None = None
    name: str = ""
    source: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    image_count: int = 0
    primary_image: PersonPhotograph | None = None
    uuid: str | None = None


@dataclass(frozen=True)
class EnrolledPerson(Person):
    """A person, and what was enrolled of the photograph that came along."""

    enrolment: Enrolment | None = None


@dataclass(frozen=True)
class SearchedFace:
    """One face, and the people nearest to it, whether they match or not. `decision`: the best of a candidate's.

    `comparison`: that with the nearest person, if it matches or is to be reviewed. Keys without the scope `people:read`
    get no other candidates, and with `people:match` alone none.
    """

    box: Box | None
    candidates: list[Candidate]
    embedding: list[float] | None = None
    decision: str = ""
    reason: str | None = None
    comparison: Comparison | None = None

    @property
    def match(self) -> Candidate | None:
        """The nearest person that the face matches."""
        return next((person for person in self.candidates if person.comparison.matches), None)

    @property
    def name(self) -> str | None:
        """The name of that person, or the id of one without a name; None for a stranger."""
        return (self.match.name or self.match.external_id or str(self.match.person_id)) if self.match else None


@dataclass(frozen=True)
class Search:
    """One item per face, from left to right, or one for an embedding.

    `false_alarm_rate`: the expected share of strangers who match one of the `people` searched, None if it is not known.
    """

    space: str
    metric: str
    threshold: float
    faces: list[SearchedFace]
    people: int = 0
    false_match_rate: float | None = None
    false_alarm_rate: float | None = None
    extrapolated: bool = False
    basis: str = ""


@dataclass(frozen=True)
class Receipt:
    """What an erasure removed, in numbers."""

    id: str
    erased_at: datetime
    people: int
    images: int
    templates: int
    files: int
    rows: int
    digest: str


# ---- screening --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Entry:
    """A listed person. `valid_until`: the last day on which the entry counts.

    A key without the scope `blacklist:read` gets the ids, `added_date` and what it wrote.
    """

    id: int
    added_date: datetime
    name: str = ""
    reason: str | None = None
    is_active: bool = True
    valid_from: date | None = None
    valid_until: date | None = None
    uuid: str | None = None
    severity: str = "normal"
    source: str = ""
    notes: str = ""
    created_by: str | None = None  # names of users; None for a program
    changed_by: str | None = None


@dataclass(frozen=True)
class ListedEntry(Entry):
    """A new entry. `errors`: photographs that could not be used."""

    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class AddedImages:
    """What became of the files of one call."""

    message: str
    errors: list[str]
    images: list[Photograph]


@dataclass(frozen=True)
class Match:
    """An entry within the threshold of a face."""

    entry_id: int
    entry_name: str
    distance: float
    threshold: float
    model: str
    similarity_metric: str
    identity: str
    review_state: str = "open"


@dataclass(frozen=True)
class ScreenedFace:
    """A face of a screened image, what is decided about it, and the entries that it matches, closest first.

    `review_matches` are near enough that somebody should look.
    """

    face_index: int
    facial_area: FacialArea
    confidence: float
    blacklist_matches: list[Match]
    quality: dict[str, Any] | None = None
    liveness: float | None = None
    decision: str = ""
    review_matches: list[Match] = field(default_factory=list)


@dataclass(frozen=True)
class ScreenedImage:
    """The outcome for one image; `error` where it could not be processed."""

    db_id: int
    job_id: str
    image_path_or_identifier: str
    status: str
    faces: list[ScreenedFace]
    error: str | None
    error_code: str | None
    has_blacklist_match: bool
    image_url: str | None
    processing_timestamp: datetime
    milliseconds: float | None = None
    uuid: str | None = None
    threshold: float | None = None
    false_match_rate: float | None = None
    false_alarm_rate: float | None = None
    people: int | None = None
    ignored: dict[str, Any] = field(default_factory=dict)

    @property
    def matches(self) -> list[Match]:
        """Those of all faces."""
        return [match for face in self.faces for match in face.blacklist_matches]


@dataclass(frozen=True)
class Job:
    """Images that are being screened: `done` of `total` are finished, `failed` of them with an error."""

    id: str
    status: str
    total: int
    done: int
    failed: int
    metric: str
    threshold: float
    created_at: datetime
    detector: str = ""
    cancelled_at: datetime | None = None
    ignored: dict[str, Any] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        return self.status not in ("pending", "processing")


# ---- liveness ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class LivenessSession:
    """A challenge: `actions` to be done one after the other before `expires_at`."""

    id: str
    purpose: str
    subject: str
    nonce: str
    actions: list[str]
    status: str
    attempts_left: int
    last_code: str
    created_at: datetime
    expires_at: datetime
    redeemed: bool
    source: str = ""


@dataclass(frozen=True)
class PassedSession:
    """The token of a session that was passed; good once, for its purpose, subject and face."""

    status: str
    token: str
    token_expires_at: datetime


@dataclass(frozen=True)
class SpoofScore:
    """How much the largest face looks like a picture of a face: `fake_prob` 0 to 100."""

    status: str
    fake_prob: float
    is_fake: bool
