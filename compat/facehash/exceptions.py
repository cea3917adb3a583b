"""What can go wrong with a call of this dialect. Codes are stable and documented in docs/errors.md."""

from errors import InvalidInput, NotFound


class FieldMissing(InvalidInput):
    """`picture`, `stream` or `userName` was not sent, or is empty."""

    code = "facehash.field_missing"


class UnknownUser(NotFound):
    """Nobody of this name was trained with this key, or it is no name."""

    code = "facehash.unknown_user"
