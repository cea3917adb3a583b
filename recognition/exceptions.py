"""Refusals of screening."""

from errors import Conflict, NotFound


class JobFinished(Conflict):
    """The job has nothing left to cancel."""

    code = "job.finished"


class AlreadyDecided(Conflict):
    """Somebody else has decided the hit, or the same person has given a verdict that counts."""

    code = "review.already_decided"


class JudgedOneByOne(Conflict):
    """Two persons judge these hits: none is judged unseen."""

    code = "review.one_by_one"


class TooLateToUndo(Conflict):
    """The verdict is too old to be taken back, or somebody has given another one since."""

    code = "review.too_late"


class NotConfirmed(Conflict):
    """The hit may not leave the service before people have confirmed it."""

    code = "review.not_confirmed"


class NotDecided(Conflict):
    """The hit is open already."""

    code = "review.open"


class RecordNotFound(NotFound):
    """No such job or image of this client."""

    code = "not_found"


class EmbeddingNotKept(Conflict):
    """Nothing can be searched for, or in: embeddings of screened faces were not kept."""

    code = "screening.embedding_not_kept"
