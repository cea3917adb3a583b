"""Errors of calls to this API. `number` is CompreFace's code; ours are stable and documented in docs/errors.md."""

from errors import Conflict, InvalidInput, NotFound


class MissingKey(InvalidInput):
    """The call has no `x-api-key`."""

    code, number = "compreface.missing_key", 20


class BadKey(InvalidInput):
    """The key is neither one of ours nor a UUID."""

    code, number = "compreface.bad_key", 26


class UnknownService(NotFound):
    """No usable key is this one, or it is for other services."""

    code, number = "compreface.unknown_service", 10


class KeyTaken(Conflict):
    """Another service has this UUID as its key."""

    code, number = "compreface.key_taken", 0


class WeakKey(InvalidInput):
    """The UUID is none that was drawn at random, such as that of CompreFace's demonstration."""

    code, number = "compreface.weak_key", 0


class BadValue(InvalidInput):
    """A parameter has a value that CompreFace refuses."""

    code, number = "compreface.bad_value", 26


class BadNumber(InvalidInput):
    """A number, truth value or id that cannot be read."""

    code, number = "compreface.bad_number", 0


class NoFace(InvalidInput):
    """The image shows no face that can be used."""

    code, number = "compreface.no_face", 28


class MissingParameter(InvalidInput):
    """The parameter `subject` is missing."""

    code, number = "compreface.missing_parameter", 33


class MissingPart(InvalidInput):
    """The form lacks a part."""

    code, number = "compreface.missing_part", 34


class EmptyField(InvalidInput):
    """A member of the JSON body is missing or empty."""

    code, number = "compreface.empty_field", 5


class BadImageText(InvalidInput):
    """A text that should be an image is not base64."""

    code, number = "compreface.not_base64", 21


class BadName(InvalidInput):
    """The name of a subject has characters that CompreFace refuses."""

    code, number = "compreface.bad_name", 36


class WrongEmbeddings(InvalidInput):
    """Too few embeddings, or of the wrong length."""

    code, number = "compreface.wrong_embeddings", 37


class UnknownSubject(NotFound):
    """The service knows no subject of this name."""

    code, number = "compreface.unknown_subject", 42


class SubjectExists(InvalidInput):
    """The service has a subject of this name, whatever its case."""

    code, number = "compreface.subject_exists", 43


class UnknownImage(NotFound):
    """The service has no image of this id."""

    code, number = "compreface.unknown_image", 44


class BadMethod(NotFound):
    """The path does not know this method."""

    code, number = "compreface.bad_method", 0


class StillErasing(Conflict):
    """A large collection is erased in several calls."""

    code, number = "compreface.still_erasing", 0
