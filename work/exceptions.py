"""Calls with too few or too many images. Codes are stable and documented in docs/errors.md."""

from errors import InvalidInput, Unprocessable


class NoImages(InvalidInput):
    """An empty list of images."""

    code = "images.none"


class TooManyImages(Unprocessable):
    """More images in one call than `FACEAPP_MAX_BATCH_IMAGES`."""

    code = "images.too_many"
