"""`POST /` with `X-Amz-Target: RekognitionService.<operation>`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from clients.api.idempotency import IdempotentView
from clients.authentication import client_of
from clients.models import Scope
from clients.permissions import may
from compat.rekognition import errors, shapes
from compat.rekognition.authentication import SignatureAuthentication, signature_of
from compat.rekognition.exceptions import UnknownOperation
from compat.rekognition.operations import OPERATIONS, Call
from compat.views import DialectView
from rest.parsers import JSONParser
from telemetry.request_ids import request_id

TARGET, SERVICE, MEDIA_TYPE = "X-Amz-Target", "RekognitionService.", "application/x-amz-json-1.1"
TOKEN = "ClientRequestToken"  # noqa: S105  the name of a member


class AwsParser(JSONParser):
    media_type = MEDIA_TYPE


class AwsRenderer(JSONRenderer):
    media_type = MEDIA_TYPE
    charset = None


class RekognitionView(IdempotentView, DialectView):
    """`action` is the operation, by which scopes and limits are found.

    What stores is carried out once for each `ClientRequestToken` or, without one, for each signature: who sends a
    captured call again gets the answer of the first one.
    """

    authentication_classes = [SignatureAuthentication]
    parser_classes = [AwsParser]
    renderer_classes = [AwsRenderer]
    refusals = errors.REFUSALS
    takes_images: ClassVar[frozenset[str]] = frozenset(name for name, one in OPERATIONS.items() if one.is_large)
    stores_nothing: ClassVar[frozenset[str]] = frozenset(name for name, one in OPERATIONS.items() if not one.stores)
    scopes: ClassVar[dict[str, str]] = {name: one.scope for name, one in OPERATIONS.items()}
    action: str | None = None

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        target = request.headers.get(TARGET, "")
        operation = target.removeprefix(SERVICE)
        self.action = operation if target.startswith(SERVICE) and operation in OPERATIONS else None
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "POST":
            raise MethodNotAllowed(str(request.method))
        if self.action is None:
            raise UnknownOperation("This service offers no operation of this name.")
        super().initial(request, *args, **kwargs)

    def wants_digest(self, http_request: HttpRequest) -> bool:
        return self.takes_idempotency_key

    def idempotency_key(self, request: Request) -> str | None:
        given = request.data if isinstance(request.data, dict) else {}
        token, where = given.get(TOKEN), given.get("CollectionId")
        return f"{self.action} {where} {token}" if isinstance(token, str) else signature_of(request)

    def post(self, request: Request) -> Response:
        operation = str(self.action)
        given = shapes.read_input(operation, request.data)
        call = Call(client_of(request), operation, given, may(request, Scope.PEOPLE_READ))
        return Response(OPERATIONS[operation].carry_out(call))

    def write_error(self, exc: Exception, response: Response, word: str) -> dict[str, Any]:
        response.headers.pop("WWW-Authenticate", None)
        detail = response.data["detail"]
        message = detail if isinstance(detail, str) else "The request cannot be read."
        return {"__type": getattr(exc, "word", word), "Message": message}

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers["x-amzn-RequestId"] = request_id.get()
        return answer
