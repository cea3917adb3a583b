"""Errors of calls to this API, with the messages of the older service. Codes are documented in docs/errors.md."""

from errors import Conflict, InvalidInput, NotFound


class MissingArgument(InvalidInput):
    """A required field is missing. The answer shows the field and the message."""

    code = "faceanalysis.missing"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class RegistrationClosed(Conflict):
    """Accounts are made by the administrator here."""

    code = "faceanalysis.registration_closed"


class BadName(InvalidInput):
    """A user name or a file name that cannot be used."""

    code = "faceanalysis.bad_name"


class BadPassword(InvalidInput):
    """A password that is too easy to guess."""

    code = "faceanalysis.bad_password"


class UserExists(Conflict):
    """The client has an account with this name."""

    code = "faceanalysis.user_exists"


class WrongType(InvalidInput):
    """The upload is neither JPEG nor PNG."""

    code = "faceanalysis.wrong_type"


class ImageKnown(Conflict):
    """An image of this id was uploaded before."""

    code = "faceanalysis.image_known"


class ImageUnknown(NotFound):
    """There is no image of this id."""

    code = "faceanalysis.image_unknown"


class ImageQueued(Conflict):
    """The image has been queued before."""

    code = "faceanalysis.image_queued"
