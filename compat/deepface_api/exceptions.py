"""Errors of calls to this API. Codes are stable and documented in docs/errors.md."""

from __future__ import annotations

from errors import InvalidInput


class ImageMissing(InvalidInput):
    """The image of a call was not sent, or not in a form that is read."""

    code = "deepface_api.no_image"


class BadValue(InvalidInput):
    """A parameter has a value that cannot be used."""

    code = "deepface_api.bad_value"


class CannotAnalyse(InvalidInput):
    """`/analyze` was asked for what this service does not guess, or what is switched off."""

    code = "deepface_api.cannot_analyse"


class NothingRegistered(InvalidInput):
    """`/search` before the first `/register`."""

    code = "deepface_api.nothing_registered"
