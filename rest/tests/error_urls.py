"""Views that fail in every way the service knows, behind the project's real settings and handlers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kombu.exceptions
import redis
from django.core import exceptions as django
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, IntegerField, ListField, Serializer
from rest_framework.views import APIView

from clients.models import Client
from errors import Conflict, FaceAppError, InvalidInput, NotFound, Unavailable, Unprocessable
from faceapp.handlers import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
SECRET = "Jane Doe's embedding"


def fill_the_disk() -> None:
    with Path("/dev/full").open("w") as full:
        full.write(SECRET)


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


FAILURES: dict[str, Callable[[], Any]] = {
    "invalid": raising(InvalidInput("Send an image.", code="image.missing")),
    "unprocessable": raising(Unprocessable("No such model.", code="engine.unknown")),
    "missing": raising(NotFound("No such entry.")),
    "conflict": raising(Conflict("The name is taken.")),
    "unavailable": raising(Unavailable("No worker answers.", code="engine.timeout")),
    "unnamed": raising(FaceAppError(SECRET)),
    "http404": raising(Http404(SECRET)),
    "forbidden": raising(django.PermissionDenied(SECRET)),
    "suspicious": raising(django.SuspiciousOperation(SECRET)),
    "drf403": raising(exceptions.PermissionDenied()),
    "throttled": raising(exceptions.Throttled(wait=7)),
    "broker": raising(kombu.exceptions.OperationalError(SECRET)),
    "redis": lambda: redis.Redis(port=1).ping(),
    "database": lambda: connection.cursor(),
    "disk": fill_the_disk,
    "bug": lambda: {}[SECRET],
}


class FailingView(APIView):
    permission_classes = []
    throttle_classes = []
    authentication_classes = []

    def get(self, request: Request, kind: str) -> Response:
        FAILURES[kind]()
        return Response({})


class ItemSerializer(Serializer[Any]):
    name = CharField(max_length=3)


class EntrySerializer(Serializer[Any]):
    name = CharField(max_length=5)
    sizes = ListField(child=IntegerField(), required=False)
    items = ItemSerializer(many=True, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["name"] == "whole":
            raise exceptions.ValidationError("The whole does not fit.", code="misfit")
        return data


class EntryView(FailingView):
    def get(self, request: Request, number: str = "") -> Response:  # type: ignore[override]
        raise exceptions.ValidationError({"number" if number else "limit": ["Not a number."]}, code="int")

    def post(self, request: Request) -> Response:
        serializer = EntrySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response({})


class StoringView(FailingView):
    """Stores a row, then fails."""

    def post(self, request: Request, kind: str) -> Response:
        Client.objects.create(name="half-stored")
        FAILURES[kind]()
        return Response({})


def plain(request: HttpRequest, kind: str) -> HttpResponse:
    FAILURES[kind]()
    return HttpResponse()


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user))


urlpatterns = [
    path("api/fail/<kind>/", FailingView.as_view()),
    path("api/store/<kind>/", StoringView.as_view()),
    path("api/entries/", EntryView.as_view()),
    path("api/entries/<number>/", EntryView.as_view()),
    path("api/plain/<kind>/", plain),
    path("plain/<kind>/", plain),
    path("api/who/", who),
    path("who/", who),
]
