"""Errors of calls to this API. Codes are stable and documented in docs/errors.md."""

from errors import InvalidInput, Unavailable


class BadPart(InvalidInput):
    """A part of the upload is missing (`nextcloud.no_file`, `nextcloud.no_face`) or unusable (`nextcloud.bad_face`)."""

    code = "nextcloud.bad_part"


class AreaTooLarge(InvalidInput):
    """The image has more pixels than `/open` allowed."""

    code = "nextcloud.area_too_large"


class ModelDisabled(Unavailable):
    """The key's model is switched off in this deployment."""

    code = "nextcloud.model_disabled"
