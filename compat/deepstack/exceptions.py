"""Errors of calls to this API. Codes are stable and documented in docs/errors.md."""

from errors import InvalidInput


class NoImage(InvalidInput):
    """No file, or not as many as the call needs."""

    code = "deepstack.no_image"


class BadUser(InvalidInput):
    """`userid` is missing, or is the name of all strangers."""

    code = "deepstack.bad_user"


class BadConfidence(InvalidInput):
    """`min_confidence` is not a number from 0 to 1."""

    code = "deepstack.bad_confidence"
