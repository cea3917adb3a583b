"""Refusals of screening."""

from errors import Conflict, NotFound


class JobFinished(Conflict):
    """The job has nothing left to cancel."""

    code = "job.finished"


class RecordNotFound(NotFound):
    """No such job or image of this client."""

    code = "not_found"


class EmbeddingNotKept(Conflict):
    """Nothing can be searched for, or in: embeddings of screened faces were not kept."""

    code = "screening.embedding_not_kept"
