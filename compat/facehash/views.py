"""`/`, `/train` and `/recognize`, with the key in the path or in the form."""

from __future__ import annotations

import time
from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from clients.authentication import client_of
from clients.models import ApiKey, Scope
from compat.facehash import errors, payloads, services
from compat.facehash.authentication import FaceHashKeyAuthentication, form_of
from compat.facehash.forms import MultipartFormParser, UrlEncodedFormParser, check_size
from compat.views import DialectView
from people.models import Gallery


class FaceHashView(DialectView):
    """`nothing` is what an answer without success has for callers of the first generation."""

    authentication_classes = [FaceHashKeyAuthentication]
    parser_classes = [MultipartFormParser, UrlEncodedFormParser]
    refusals = errors.REFUSALS
    nothing: dict[str, Any] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_size(request.headers.get("Content-Length"))
        if request.method not in {"POST", "OPTIONS"}:
            raise MethodNotAllowed(str(request.method))
        if request.method == "POST":
            super().initial(request, *args, **kwargs)

    def options(self, *args: Any, **kwargs: Any) -> Response:
        return Response({})

    def write_error(self, exc: Exception, response: Response, word: str) -> dict[str, Any]:
        return {**self.nothing, **errors.write_error(exc, response)}


class RecogniseView(FaceHashView):
    """Identify a face or, with `userName`, verify that user."""

    scope_write = Scope.PEOPLE_SEARCH
    nothing = payloads.UNRECOGNISED

    def post(self, request: Request, key: str = "") -> Response:
        began, form, gallery = time.monotonic(), form_of(request), gallery_for(request)
        pictures = payloads.read_pictures(form)
        if "userName" in form.texts:
            outcome = services.verify(gallery=gallery, pictures=pictures, user=payloads.read_user(form))
        else:
            outcome = services.identify(gallery=gallery, pictures=pictures)
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
