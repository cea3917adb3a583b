"""Refusals of screening."""

from errors import Conflict, NotFound


class JobFinished(Conflict):
    """The job has nothing left to cancel."""

    code = "job.finished"


class RecordNotFound(NotFound):
    """No such job or image of this client."""

    code = "not_found"
