"""`/`, `/train` and `/recognize`, with the key in the path or in the form."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clients.authentication import client_of
from clients.models import ApiKey, Scope
from compat.facehash import errors, payloads, services
from compat.facehash.authentication import FaceHashKeyAuthentication, form_of
from compat.facehash.forms import MultipartFormParser, UrlEncodedFormParser, check_size
from people.models import Gallery


class JsonWhateverIsAsked(BaseContentNegotiation):
    """A browser's page asks for anything, and a form without a type is tried as the page sends it."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class FaceHashView(APIView):
    """`nothing`: what an answer without success says in the words of the first generation."""

    schema = None
    authentication_classes = [FaceHashKeyAuthentication]
    parser_classes = [MultipartFormParser, UrlEncodedFormParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JsonWhateverIsAsked
    nothing: dict[str, Any] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_size(request.headers.get("Content-Length"))
        if request.method not in {"POST", "OPTIONS"}:
            raise MethodNotAllowed(str(request.method))
        if request.method == "POST":
            super().initial(request, *args, **kwargs)

    def options(self, *args: Any, **kwargs: Any) -> Response:
        return Response({})

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(*args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return errors.answer


class RecogniseView(FaceHashView):
    """Who is it; with `userName`, whether it is that user."""

    scope_write = Scope.PEOPLE_SEARCH
    nothing = payloads.UNRECOGNISED

    def post(self, request: Request, key: str = "") -> Response:
        began, form, gallery = time.monotonic(), form_of(request), gallery_for(request)
        picture = payloads.read_picture(form)
        if "userName" in form.texts:
            outcome = services.verify(gallery=gallery, picture=picture, user=payloads.read_user(form))
        else:
            outcome = services.identify(gallery=gallery, picture=picture)
        return Response(payloads.write_outcome(outcome, time.monotonic() - began))


class TrainView(FaceHashView):
    """Learn a user from any number of photographs."""

    scope_write = Scope.PEOPLE_WRITE
    nothing = payloads.UNTRAINED

    def post(self, request: Request, key: str = "") -> Response:
        form, user = form_of(request), payloads.read_user(form_of(request))
        done = services.learn(gallery=gallery_for(request), stream=payloads.read_stream(form), user=user)
        return Response(payloads.write_learned(done))


def gallery_for(request: Request) -> Gallery:
    key = request.auth if isinstance(request.auth, ApiKey) else None
    return services.gallery_of(client=client_of(request), key=key)


def beside(page: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The view of `/`: recognition for POST and for the question before it, and `page` for everything else."""
    recognise = RecogniseView.as_view()

    @csrf_exempt  # nobody is logged in to this dialect, and the page changes nothing
    def root(request: HttpRequest) -> HttpResponseBase:
        return recognise(request) if request.method in {"POST", "OPTIONS"} else page(request)

    return root
