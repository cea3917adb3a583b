"""AWS's names for our errors, with the status that goes with them: 400, or 500 where the client is to try again."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions

from audit.exceptions import SearchingStopped
from clients.exceptions import (
    CallRunning,
    IdempotencyKeyReused,
    ImagesUsedUp,
    StorageUsedUp,
    TooManyPeople,
    TooManyTemplates,
)
from compat.refusals import Refusal
from errors import Busy, Conflict, InvalidInput, NotFound, Unavailable
from liveness.exceptions import NotLive
from people.exceptions import ExternalIdTaken
from vision.exceptions import InvalidImage

FAULT = "InternalServerError"
REFUSALS: tuple[Refusal, ...] = (
    Refusal((exceptions.PermissionDenied, SearchingStopped, NotLive), 400, "AccessDeniedException"),
    Refusal((exceptions.Throttled,), 400, "ProvisionedThroughputExceededException"),
    Refusal((exceptions.ParseError, exceptions.UnsupportedMediaType), 400, "SerializationException"),
    Refusal((exceptions.MethodNotAllowed,), 400, "UnknownOperationException"),
    Refusal((IdempotencyKeyReused,), 400, "IdempotentParameterMismatchException"),
    Refusal((CallRunning,), 500, "ThrottlingException"),
    Refusal((ImagesUsedUp, TooManyPeople, TooManyTemplates, StorageUsedUp), 400, "ServiceQuotaExceededException"),
    Refusal((ExternalIdTaken,), 400, "ConflictException"),
    Refusal((RequestDataTooBig,), 400, "InvalidParameterException"),
    Refusal((InvalidImage,), 400, "InvalidImageFormatException"),
    Refusal((Busy,), 400, "ProvisionedThroughputExceededException"),
    Refusal((Unavailable,), 500, "ThrottlingException"),
    Refusal((NotFound,), 400, "ResourceNotFoundException"),
    Refusal((Conflict,), 400, "ConflictException"),
    Refusal((InvalidInput,), 400, "InvalidParameterException"),
    Refusal((Exception,), 500, FAULT),
)
