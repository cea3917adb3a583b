"""`/open`, `/detect`, `/compute`, `/welcome` and `/health`, as the app Face Recognition calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clients.models import Scope
from compat.negotiation import JsonAnswers
from compat.nextcloud import errors, payloads, services
from compat.nextcloud.authentication import NextcloudKeyAuthentication, key_of
from compat.nextcloud.models import FaceModel
from compat.nextcloud.uploads import MemoryUploadHandler
from errors import FaceAppError


class AlwaysJson(JsonAnswers):
    """Whatever the request says it is: 415 and 406 would cost an image."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]


class NextcloudView(APIView):
    """With a key; no rate limits, because the app waits for ever and takes any refusal for the image's fault."""

    schema = None
    authentication_classes = [NextcloudKeyAuthentication]
    throttle_classes = []
    parser_classes = [MultiPartParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    scope_read = scope_write = Scope.NEXTCLOUD

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        request.upload_handlers = [MemoryUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return errors.answer


class OpenView(NextcloudView):
    """What images may be sent. Whatever would spoil every image is said here, where the app's job ends unharmed."""

    def get(self, request: Request) -> Response:
        services.choose(key=key_of(request))
        return Response(payloads.write_limits())


class DetectView(NextcloudView):
    """The faces of an image. Nothing is stored."""

    def post(self, request: Request) -> Response:
        upload = payloads.read_upload(request.FILES)
        detection = services.detect(key=key_of(request), data=upload.data)
        return Response(payloads.write_detection(upload.name, detection))


class ComputeView(NextcloudView):
    """Landmarks and descriptor of a face whose place in the original photograph is known. Nothing is stored."""

    def post(self, request: Request) -> Response:
        upload = payloads.read_upload(request.FILES)
        sent, box = payloads.read_face(request.POST)
        face = services.compute(key=key_of(request), data=upload.data, box=box)
        return Response(payloads.write_computed(upload.name, sent, face))


class WelcomeView(NextcloudView):
    """For people: version and model, or what is missing."""

    authentication_classes = []
    permission_classes = []

    def get(self, request: Request) -> Response:
        try:
            services.require(model=FaceModel(settings.NEXTCLOUD_MODEL))
        except FaceAppError as error:
            return Response(payloads.write_welcome(error.message))
        return Response(payloads.write_welcome(None))


class HealthView(NextcloudView):
    """For container probes."""

    authentication_classes = []
    permission_classes = []

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse("ok", content_type="text/plain")
