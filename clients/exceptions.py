"""Errors about clients and keys. Codes are stable and documented in docs/errors.md."""

from errors import Busy, Conflict, InvalidInput, NoRoom, NotFound


class InvalidClient(InvalidInput):
    """The name cannot be a client's name."""

    code = "client.bad_name"


class InactiveClient(Conflict):
    """The client exists and has been switched off."""

    code = "client.inactive"


class RevokedKey(Conflict):
    """The key has been revoked, so nothing can be made for it."""

    code = "key.revoked"


class InvalidKeyOptions(InvalidInput):
    """Options that no key can have: an unknown scope (`key.unknown_scope`) or a bad expiry (`key.bad_expiry`)."""

    code = "key.bad_options"


class ResetDisabled(NotFound):
    """In this deployment, programs cannot erase a client's data."""

    code = "reset.disabled"


class TooManyPeople(Conflict):
    """The client may not have more people, blacklist entries included."""

    code = "quota.people"


class TooManyTemplates(Conflict):
    """The client may not have more reference images."""

    code = "quota.templates"


class StorageUsedUp(NoRoom):
    """The client's files may not take more room."""

    code = "quota.storage"


class ImagesUsedUp(Busy):
    """The client may not send so many more images on this day."""

    code = "quota.images"
