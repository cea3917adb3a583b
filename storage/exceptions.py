"""What can go wrong with stored files. Codes are stable and documented in docs/errors.md."""

from errors import NotFound


class ImageDamaged(NotFound):
    """The stored file is not what was written: damaged, altered, cut off, or put in the place of another."""

    code = "image.damaged"
