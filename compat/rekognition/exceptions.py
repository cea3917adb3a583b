"""Errors of calls to this API. Codes are stable and documented in docs/errors.md; `word` is AWS's name for them."""

from errors import Conflict, InvalidInput, NotFound, Unavailable


class NotSigned(InvalidInput):
    """The call has no signature (`MissingAuthenticationTokenException`), or an incomplete one."""

    code, word = "rekognition.not_signed", "MissingAuthenticationTokenException"


class IncompleteSignature(NotSigned):
    """`Authorization` lacks a part, or leaves out a header that has to be signed."""

    code, word = "rekognition.incomplete_signature", "IncompleteSignatureException"


class UnknownAccessKey(InvalidInput):
    """No usable key has this access key id, or it has no secret."""

    code, word = "rekognition.unknown_access_key", "UnrecognizedClientException"


class WrongSignature(InvalidInput):
    """The signature is not that of this call with this key's secret, is too old, or is for another service."""

    code, word = "rekognition.wrong_signature", "InvalidSignatureException"


class UnknownOperation(InvalidInput):
    """Rekognition has no such operation, or this service does not offer it."""

    code, word = "rekognition.unknown_operation", "UnknownOperationException"


class BadParameter(InvalidInput):
    """A member is missing, or has a type or value that Rekognition does not take."""

    code, word = "rekognition.bad_parameter", "InvalidParameterException"


class BadPage(InvalidInput):
    """`NextToken` is not one that this operation has given for this collection."""

    code, word = "rekognition.bad_token", "InvalidPaginationTokenException"


class ImageTooLarge(InvalidInput):
    """More than 5 MB in `Image.Bytes`, or an object of more than 15 MB."""

    code, word = "rekognition.image_too_large", "ImageTooLargeException"


class BadImageFormat(InvalidInput):
    """The image is neither JPEG nor PNG."""

    code, word = "rekognition.bad_image_format", "InvalidImageFormatException"


class BadObject(InvalidInput):
    """`S3Object` names no object that this caller may have read."""

    code, word = "rekognition.bad_object", "InvalidS3ObjectException"


class UnknownCollection(NotFound):
    """No gallery of this client has this name."""

    code, word = "rekognition.unknown_collection", "ResourceNotFoundException"


class UnknownUser(UnknownCollection):
    """No user of the collection has this id."""

    code = "rekognition.unknown_user"


class CollectionExists(Conflict):
    """A gallery of this client has this name already."""

    code, word = "rekognition.collection_exists", "ResourceAlreadyExistsException"


class TooManyFaces(Conflict):
    """A user may have 100 faces."""

    code, word = "rekognition.too_many_faces", "ServiceQuotaExceededException"


class NotDeletable(Conflict):
    """The default gallery of a client stays."""

    code, word = "rekognition.default_collection", "AccessDeniedException"


class StillErasing(Unavailable):
    """A large collection, or a long list of faces, is erased in several calls."""

    code, word = "rekognition.still_erasing", "ThrottlingException"
