"""Refusals of albums. Codes are stable and documented in docs/errors.md."""

from errors import Conflict, InvalidInput, NotFound


class AlbumNotFound(NotFound):
    """No such album, image or group of this client."""

    code = "not_found"


class AlbumExists(Conflict):
    """The client has an album of this name."""

    code = "album.name_taken"


class ImageExists(Conflict):
    """The album has an image with this id of the caller's own."""

    code = "album.image_exists"


class AlreadyQueued(Conflict):
    """The image has already been given to the workers."""

    code = "album.already_queued"


class BadGrouping(InvalidInput):
    """Groups or faces that cannot be merged or split this way (`album.bad_grouping`)."""

    code = "album.bad_grouping"
