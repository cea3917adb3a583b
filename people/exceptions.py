"""Why a photograph cannot be enrolled, a person not found, or a value not taken."""

from __future__ import annotations

from collections.abc import Sequence

from errors import Busy, Conflict, NotFound, Unprocessable
from people.types import PersonAtRisk, Remark
from vision.exceptions import UnusableFace as UnusableFace


class PoorQuality(UnusableFace):
    """The face is refused by the quality gate; `remarks` says all that is wrong, `code` is the first of them."""

    def __init__(self, remarks: Sequence[Remark]) -> None:
        super().__init__(" ".join(remark.message for remark in remarks), code=remarks[0].code)
        self.remarks = remarks


class PersonNotFound(NotFound):
    """No such person of this client; blacklist entries are not found either."""

    code = "person.not_found"


class ReferenceImageNotFound(NotFound):
    """No such photograph of this person."""

    code = "person.image_not_found"


class GalleryNotFound(NotFound):
    """No such gallery of this client."""

    code = "gallery.not_found"


class GalleryNameTaken(Conflict):
    """Another gallery of this client and kind has that name."""

    code = "gallery.name_taken"


class GalleryNotEmpty(Conflict):
    """A gallery that still holds people cannot be deleted."""

    code = "gallery.not_empty"


class GalleryIsDefault(Conflict):
    """A client's default gallery cannot be deleted."""

    code = "gallery.is_default"


class TooManyFailures(Busy):
    """The verification of this person has failed too often in this hour."""

    code = "person.too_many_failures"


class NoTemplate(Conflict):
    """The person has no face that could be compared."""

    code = "person.no_face"


class ExternalIdTaken(Conflict):
    """Another person of this client and source has that id."""

    code = "person.external_id_taken"


class UnusableValue(Unprocessable):
    """A text, metadata or number that cannot be stored or compared."""

    code = "person.bad_value"


class BadMerge(Unprocessable):
    """These two cannot become one person."""

    code = "person.bad_merge"


class BadSplit(Unprocessable):
    """These photographs cannot become a person of their own."""

    code = "person.bad_split"


class UnusableEmbedding(Unprocessable):
    """A vector of the wrong length, or with numbers that are not finite or too large."""

    code = "embedding.unusable"


class RespaceInProgress(Conflict):
    """The client is being moved to another space already."""

    code = "respace.in_progress"


class RespaceNotReady(Conflict):
    """This step of a respace is not possible now: it comes too early, too late, or not at all."""

    code = "respace.not_ready"


class PeopleAtRisk(Conflict):
    """The step would lose people; `people` are those, `count` says how many there are if not all are listed."""

    code = "respace.people_at_risk"

    def __init__(self, people: Sequence[PersonAtRisk], count: int) -> None:
        whom = "1 person" if count == 1 else f"{count:,} people"
        super().__init__(f"{whom} would not be found any more.")
        self.people, self.count = people, count


class NoEmbeddingsThere(Unprocessable):
    """A call that compares embeddings, with a gallery whose service takes pictures only."""

    code = "backend.no_embeddings"


class BackendInUse(Conflict):
    """A gallery with people changes its back end by a respace only."""

    code = "backend.in_use"
