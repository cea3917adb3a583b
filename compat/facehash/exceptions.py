"""Errors of calls to this API. Codes are stable and documented in docs/errors.md."""

from errors import InvalidInput, NotFound


class FieldMissing(InvalidInput):
    """`picture`, `stream` or `userName` was not sent, or is empty."""

    code = "facehash.field_missing"


class UnknownUser(NotFound):
    """No person of this name was trained with this key, or the text cannot be a name."""

    code = "facehash.unknown_user"
