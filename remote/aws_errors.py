"""What AWS and boto3 raise, in our words. Messages of theirs are in no answer: they may quote ids and addresses."""

from __future__ import annotations

import json
from typing import Any

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel

from remote.exceptions import (
    AccessRefused,
    AnswerUnreadable,
    CertificateRefused,
    CollectionGone,
    ImageRefused,
    NoRemoteFace,
    NotConfigured,
    QuotaExceeded,
    RemoteError,
    RemoteRefusal,
    RemoteUnavailable,
    Throttled,
)

NAME = "Amazon Rekognition"
FIRST_ERROR = 301  # of the statuses, to botocore
THROTTLING = {"ThrottlingException", "ProvisionedThroughputExceededException", "Throttling", "TooManyRequestsException"}
QUOTAS = {"ServiceQuotaExceededException", "LimitExceededException"}
ACCESS = {
    "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
    "IncompleteSignatureException", "MissingAuthenticationTokenException", "InvalidClientTokenId", "ExpiredToken",
    "SignatureDoesNotMatch", "OptInRequired", "NotAuthorized", "InvalidAccessKeyId", "AccessDenied",
}  # fmt: skip
IMAGES = {"ImageTooLargeException", "InvalidImageFormatException"}
# Parts of what operations say of an image without a face, which has no error of its own.
WITHOUT_FACE = {"SearchFacesByImage": "no faces", "CompareFaces": ""}
CREDENTIALS = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)
SETTINGS = (boto.NoRegionError, boto.InvalidRegionError, boto.ParamValidationError, boto.ProfileNotFound)


def error_from(error: BotoCoreError | ClientError) -> RemoteError:
    """Ours for one of boto3's."""
    if isinstance(error, ClientError):
        return _of_answer(error)
    if isinstance(error, boto.SSLError):
        return CertificateRefused(f"The certificate of {NAME} does not verify. Nothing was sent.")
    if isinstance(error, CREDENTIALS):
        return AccessRefused(f"No credentials for {NAME} are found.")
    if isinstance(error, SETTINGS):
        return NotConfigured(f"The region, endpoint or credentials of {NAME} are not set, or are malformed.")
    return RemoteUnavailable(f"{NAME} does not answer. Check the region and the network; it is tried again.")


def _of_answer(error: ClientError) -> RemoteError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in THROTTLING:
        return Throttled(f"{NAME} takes no more calls at this moment.", wait=_wait(error))
    if code in ACCESS:
        return AccessRefused(f"{NAME} refuses our credentials, or they lack a permission, or are for another region.")
    if code == "ResourceNotFoundException":
        return CollectionGone(f"The collection of this gallery does not exist at {NAME}, or is in another region.")
    if code == "ResourceAlreadyExistsException":
        return RemoteRefusal("The collection exists.", code="remote.collection_exists")
    if code in QUOTAS:
        return QuotaExceeded(f"A quota of the account at {NAME} is used up.")
    if code in IMAGES:
        return ImageRefused(f"{NAME} does not take this image.")
    if code == "InvalidParameterException" and _says_no_face(error):
        return NoRemoteFace(f"{NAME} finds no face in this image.")
    return _of_status(code, int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)))


def _says_no_face(error: ClientError) -> bool:
    part = WITHOUT_FACE.get(error.operation_name)
    return part is not None and part in str(error.response.get("Error", {}).get("Message", "")).lower()


def _of_status(code: str, status: int) -> RemoteError:
    if status >= 500:
        return RemoteUnavailable(f"{NAME} answered with an error of its own. It is tried again.")
    if code.isdecimal():  # boto3 found no error of the service in the answer
        return unreadable()
    return RemoteRefusal(f"{NAME} refused a call that it should take.")


def _wait(error: ClientError) -> float | None:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return max(float(headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None


def check_body(response_dict: dict[str, Any], operation_model: OperationModel, **_: Any) -> None:
    """Raises `AnswerUnreadable` for what has the status of a success and is no answer to this operation, which boto3
    reads as an empty one: nobody found, or a face deleted.
    """
    if response_dict["status_code"] >= FIRST_ERROR:
        return
    try:
        answer = json.loads(response_dict["body"] or b"null")
    except (ValueError, RecursionError):
        answer = None
    shape = operation_model.output_shape
    if not (isinstance(answer, dict) and shape and answer.keys() & shape.members.keys()):
        raise unreadable()


def unreadable() -> AnswerUnreadable:
    return AnswerUnreadable(f"What answers is not {NAME}: a proxy, or another server.")
