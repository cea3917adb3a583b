"""What can go wrong with recognisers. Codes are stable and documented in docs/errors.md."""

from errors import Conflict, FaceAppError


class GalleryTooSmall(Conflict):
    """Too few people, or too few images of them, for a classifier that could be better than the nearest template."""

    code = "training.too_small"


class NotReady(Conflict):
    """Only a version whose training ended well can be put into use."""

    code = "training.not_ready"


class TrainingFailed(FaceAppError):
    """The training program ended without a result, or not in time; becomes the status of the version."""

    code = "training.failed"
