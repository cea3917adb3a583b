"""Errors about clients and keys. Codes are stable and documented in docs/errors.md."""

from uuid import UUID

from errors import Busy, Conflict, InvalidInput, NoRoom, NotFound, Unprocessable


class InvalidClient(InvalidInput):
    """The name cannot be a client's name."""

    code = "client.bad_name"


class InactiveClient(Conflict):
    """The client exists and has been switched off."""

    code = "client.inactive"


class RevokedKey(Conflict):
    """The key has been revoked, so nothing can be made for it."""

    code = "key.revoked"


class RotatedKey(Conflict):
    """The key has been replaced already, so this caller must use the new one."""

    code = "key.rotated"


class InvalidKeyOptions(InvalidInput):
    """Options that no key can have.

    An unknown scope (`key.unknown_scope`) or none (`key.no_scopes`), a bad expiry (`key.bad_expiry`), a text that is no
    network (`key.bad_network`), or an overlap that is too long (`key.bad_overlap`).
    """

    code = "key.bad_options"


class ResetDisabled(NotFound):
    """In this deployment, programs cannot erase a client's data."""

    code = "reset.disabled"


class UnusableIdempotencyKey(InvalidInput):
    """The header `Idempotency-Key` has no usable value."""

    code = "idempotency.bad_key"


class IdempotencyKeyReused(Unprocessable):
    """The key was sent before with another call."""

    code = "idempotency.key_reused"


class CallRunning(Conflict):
    """The first call with this key has not been answered yet."""

    code = "idempotency.running"
    is_temporary = True


class AnswerGone(Conflict):
    """The call was carried out, but its answer was erased with other data, or lost when its process died.

    `job`: that it stored, which tells what the answer would have said.
    """

    code = "idempotency.answer_gone"
    job: UUID | None = None


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
