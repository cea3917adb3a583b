"""`/represent`, `/verify`, `/analyze`, `/register`, `/search` and `/build/index`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from clients.authentication import client_of
from clients.models import Scope
from clients.permissions import may, require_scope
from compat.deepface_api import errors, payloads, services
from compat.deepface_api.arguments import NOTHING_SENT
from compat.deepface_api.authentication import BearerAuthentication
from compat.deepface_api.exceptions import ImageMissing
from compat.views import DialectView
from people.services import compare_closest, describe_faces
from rest.multipart import MultiPartParser
from rest.parsers import FormParser, JSONParser
from vision.selection import FacesWanted

WELCOME = "<h1>Welcome to DeepFace API v0.0.103!</h1>"  # whose routes these are


class DeepFaceView(DialectView):
    """`doing` is what errors say was being done, `image` the first image that a call needs."""

    takes_images = frozenset({"post"})
    authentication_classes = [BearerAuthentication]
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    refusals = errors.REFUSALS
    doing: ClassVar[str] = ""
    image: ClassVar[str] = "img"

    def answer_error(self, exc: Exception, context: dict[str, Any]) -> Response | HttpResponse | None:
        if isinstance(exc, UnsupportedMediaType):
            exc = ImageMissing(NOTHING_SENT.format(name=self.image))
        return super().answer_error(exc, context)

    def write_error(self, exc: Exception, response: Response, word: str) -> dict[str, Any]:
        return errors.write_error(exc, response, self.doing)


class WelcomeView(DialectView):
    """For probes, which ask for it without a token."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(WELCOME)


class RepresentView(DeepFaceView):
    """The embeddings of all faces of an image."""

    doing = "representing"
    scope_write = Scope.EMBEDDINGS

    def post(self, request: Request) -> Response:
        given = payloads.read_arguments(request)
        image, most = given.image("img"), given.count("max_faces", default=None)
        look = payloads.read_look(given)
        look = replace(look, wanted=FacesWanted(most=most)) if most else look
        described = describe_faces(client=client_of(request), data=image, look=look)
        return Response(payloads.write_described(described))


class VerifyView(DeepFaceView):
    """The two faces of two images that are nearest to each other."""

    doing, image = "verifying", "img1"
    scope_write = Scope.PEOPLE_MATCH

    def post(self, request: Request) -> Response:
        began, given = time.monotonic(), payloads.read_arguments(request)
        first, second = given.image("img1"), given.image("img2")
        look, metric = payloads.read_look(given), given.metric()
        pair = compare_closest(client=client_of(request), first=first, second=second, look=look, metric=metric)
        return Response(payloads.write_verification(pair, time.monotonic() - began))


class AnalyzeView(DeepFaceView):
    """Age and gender of all faces of an image, where they are switched on."""

    doing = "analyzing"
    scope_write = Scope.DETECT

    def post(self, request: Request) -> Response:
        given = payloads.read_arguments(request)
        image, actions = given.image("img"), given.actions()
        analysis = services.guess(data=image, actions=actions, look=payloads.read_look(given))
        return Response(payloads.write_guesses(analysis, actions or services.GUESSED))


class RegisterView(DeepFaceView):
    """Enrol the faces of a photograph."""

    doing = "registering"
    scope_write = Scope.PEOPLE_WRITE

    def post(self, request: Request) -> Response:
        given = payloads.read_arguments(request)
        image, look, name = given.image("img"), payloads.read_look(given), given.text("img_name")
        count = services.register(client=client_of(request), data=image, name=name, living=look.living)
        return Response({"inserted": count})


class SearchView(DeepFaceView):
    """Photographs like the faces of an image. Those that do not match are for callers who may read people."""

    doing = "searching"
    scope_write = Scope.PEOPLE_SEARCH

    def post(self, request: Request) -> Response:
        given = payloads.read_arguments(request)
        image, query = given.image("img"), payloads.read_query(given)
        if query.anybody:
            require_scope(request, Scope.PEOPLE_READ)
        found = services.search(client=client_of(request), data=image, query=query)
        return Response(payloads.write_search(found, may_read=may(request, Scope.PEOPLE_READ)))


class BuildIndexView(DeepFaceView):
    """There is nothing to build: searches are exact, or by an index that looks after itself."""

    doing = "building index"
    scope_write = Scope.PEOPLE_WRITE

    def post(self, request: Request) -> Response:
        return Response({"message": "Index built successfully"})
