"""What can go wrong with keys. Codes are stable and documented in docs/errors.md."""

from errors import NotFound, Unavailable


class MasterKeyUnusable(Unavailable):
    """The master key is missing, malformed, or not the one that this database needs."""

    code = "master_key.unusable"


class KeyDestroyed(NotFound):
    """The client's key does not exist any more; what was encrypted with it is lost."""

    code = "key.destroyed"
