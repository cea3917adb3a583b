"""What can go wrong with a service that keeps faces elsewhere. Codes are stable and documented in docs/errors.md.

Messages are ours: what the service wrote may quote keys, addresses or names, and is in no answer and no log.
"""

from __future__ import annotations

from errors import FaceAppError, InvalidInput, Unavailable


class RemoteError(FaceAppError):
    """The remote service did not do what it was asked for."""

    code = "remote.error"


class RemoteUnavailable(RemoteError, Unavailable):
    """No connection, no answer in time, or an error of the service's own; the same call may work later.

    `wait`: seconds that the service asked to wait; None if it did not say.
    """

    code = "remote.unavailable"

    def __init__(self, message: str, *, code: str | None = None, wait: float | None = None) -> None:
        super().__init__(message, code=code)
        self.wait = wait


class Throttled(RemoteUnavailable):
    """More calls than the service takes now."""

    code = "remote.throttled"


class AnswerUnreadable(RemoteUnavailable):
    """An answer that is not of this service, such as the page of a proxy."""

    code = "remote.answer_unreadable"


class CertificateRefused(RemoteUnavailable):
    """The certificate of the service does not verify: nothing was sent."""

    code = "remote.certificate_refused"


class RemoteRefusal(RemoteError, Unavailable):
    """The service refuses for as long as its administrator, or ours, changes nothing."""

    code = "remote.refused"
    is_temporary = False


class SwitchedOff(RemoteRefusal):
    """This deployment does not allow the back end: nothing is sent there."""

    code = "remote.switched_off"


class NotConfigured(RemoteRefusal):
    """This deployment has no credentials, region or endpoint for the back end, or they are malformed."""

    code = "remote.not_configured"


class AccessRefused(RemoteRefusal):
    """Credentials that are unknown, expired, revoked or lack a permission."""

    code = "remote.access_refused"


class CollectionGone(RemoteRefusal):
    """The collection does not exist there (any more). `manage.py reconcile` fills a new one."""

    code = "remote.collection_gone"


class QuotaExceeded(RemoteRefusal):
    """A limit of the account is used up: collections, faces, or faces of a collection."""

    code = "remote.quota_exceeded"


class NoRemoteFace(RemoteError, InvalidInput):
    """The service finds no face in the image that it accepts."""

    code = "remote.no_face"


class ImageRefused(RemoteError, InvalidInput):
    """An image that is beyond the service's limits and cannot be made to fit."""

    code = "remote.image_refused"
