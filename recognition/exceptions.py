"""Refusals of screening."""

from errors import Conflict, InvalidInput, NotFound, Unprocessable


class NoImages(InvalidInput):
    """An empty list of images."""

    code = "images.none"


class TooManyImages(Unprocessable):
    """More images in one call than `FACEAPP_MAX_BATCH_IMAGES`."""

    code = "images.too_many"


class JobFinished(Conflict):
    """The job has nothing left to cancel."""

    code = "job.finished"


class RecordNotFound(NotFound):
    """No such job or image of this client."""

    code = "not_found"
