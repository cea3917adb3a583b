from errors import Conflict, Unprocessable


class OtherClient(Conflict):
    """The page was opened for another client than the one that is chosen now."""

    code = "console.other_client"


class NothingSent(Unprocessable):
    """A form without a photograph, or without a name."""

    code = "console.nothing_sent"


class TooManyForOneFile(Unprocessable):
    """More images than one archive holds."""

    code = "console.too_many_for_one_file"


class ChangedMeanwhile(Conflict):
    """Somebody else has changed the same field since the page was opened."""

    code = "console.changed_meanwhile"
