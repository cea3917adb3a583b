"""`/open`, `/detect`, `/compute`, `/welcome` and `/health`, as the app Face Recognition calls them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from clients.models import Scope
from compat.negotiation import JsonAnswers
from compat.nextcloud import payloads, services
from compat.nextcloud.authentication import NextcloudKeyAuthentication, key_of
from compat.nextcloud.errors import REFUSALS
from compat.nextcloud.models import FaceModel
from compat.nextcloud.uploads import MemoryUploadHandler
from compat.views import DialectView
from errors import FaceAppError
from rest.multipart import MultiPartParser


class AlwaysJson(JsonAnswers):
    """Takes any body for a form: the app gives an image up after a 415."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]


class NextcloudView(DialectView):
    """With a key; no rate limits, because the app waits for any time and blames the image for a refusal."""

    takes_images = frozenset({"post"})
    authentication_classes = [NextcloudKeyAuthentication]
    throttle_classes = []
    parser_classes = [MultiPartParser]
    content_negotiation_class = AlwaysJson
    scope_read = scope_write = Scope.NEXTCLOUD
    refusals = REFUSALS

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        request.upload_handlers = [MemoryUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)


class OpenView(NextcloudView):
    """Which images may be sent. Problems of every image are reported here, where they end the app's job and no more."""

    def get(self, request: Request) -> Response:
        services.require_ready(key=key_of(request))
        return Response(payloads.write_limits())


class DetectView(NextcloudView):
    """The faces of an image. Nothing is stored."""

    def post(self, request: Request) -> Response:
        upload = payloads.read_upload(request.FILES)
        detection = services.detect(key=key_of(request), data=upload.data)
        return Response(payloads.write_detection(upload.name, detection))


class ComputeView(NextcloudView):
    """Landmarks and descriptor of a face that is marked in the original photograph. Nothing is stored."""

    def post(self, request: Request) -> Response:
        upload = payloads.read_upload(request.FILES)
        sent, box = payloads.read_face(request.POST)
        face = services.compute(key=key_of(request), data=upload.data, box=box)
        return Response(payloads.write_computed(upload.name, sent, face))


class WelcomeView(NextcloudView):
    """Version and model, or what is missing, for people who set a server up."""

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
