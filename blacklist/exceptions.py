"""Refusals of the blacklist."""

from collections.abc import Sequence

from errors import Conflict, InvalidInput, NotFound, Unprocessable
from people.types import Refusal


class NameTaken(Conflict):
    """Another entry of this client has that name."""

    code = "blacklist.name_taken"


class EntryNotFound(NotFound):
    """No such entry of this client."""

    code = "blacklist.not_found"


class NoUsableImage(InvalidInput):
    """None of the images shows exactly one face; `refusals` says why for each."""

    code = "blacklist.no_usable_image"

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        reasons = " ".join(describe(refusal) for refusal in refusals)
        super().__init__(f"No usable image. {reasons}", code=refusals[0].code if len(refusals) == 1 else None)
        self.refusals = refusals


def describe(refusal: Refusal) -> str:
    """One refusal as a sentence for people."""
    return f"{refusal.name or 'image'}: {refusal.message}"


class LastImage(Conflict):
    """The only photograph of an entry cannot be removed."""

    code = "blacklist.last_image"


class PhotographGone(Conflict):
    """A checked photograph was saved or removed meanwhile, or its time is over."""

    code = "blacklist.photograph_gone"


class PhotographOutdated(PhotographGone):
    """A photograph was checked before a model was enabled that it would have to be found with."""

    code = "blacklist.photograph_outdated"


class FaceNotChosen(Unprocessable):
    """A photograph shows several faces, and nobody has said which one is meant."""

    code = "blacklist.face_not_chosen"


class TooManyPhotographs(Conflict):
    """One form holds no more checked photographs."""

    code = "blacklist.too_many_photographs"


class ChangedMeanwhile(Conflict):
    """Somebody else has changed the entry since its form was opened."""

    code = "blacklist.changed_meanwhile"
