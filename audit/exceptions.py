"""Errors of the audit and its switch."""

from errors import InvalidInput, Unavailable


class SearchingStopped(Unavailable):
    """The administrator has stopped all searching."""

    code = "searching.stopped"


class UnknownClient(InvalidInput):
    """There is no such client."""

    code = "client.unknown"
