"""A small API behind the project's real settings: what it takes to see who may call."""

from typing import Any

from django.contrib import admin
from django.urls import include, path
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from clients.authentication import client_of
from clients.models import Scope
from faceapp.handlers import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class NoteSerializer(Serializer[Any]):
    text = CharField()


class NoteView(APIView):
    scope_read = Scope.SCREEN
    scope_write = Scope.BLACKLIST_WRITE

    def get_serializer(self) -> NoteSerializer:
        return NoteSerializer()

    def get(self, request: Request) -> Response:
        return Response({"client": client_of(request).name, "user": str(request.user)})

    def post(self, request: Request) -> Response:
        return Response({"client": client_of(request).name, "data": request.data})


class VerbViewSet(ViewSet):
    scopes = {"detect": Scope.DETECT}
    scope_read = Scope.SCREEN

    @action(methods=["post"], detail=False)
    def detect(self, request: Request) -> Response:
        return Response({})

    @action(methods=["post"], detail=False)
    def other(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    path("", NoteView.as_view(), name="home"),
    path("docs", NoteView.as_view(), name="docs"),
    path("choose-client/", NoteView.as_view(), name="choose-client"),
    path("admin/", admin.site.urls),
    path("login/", include("login.urls")),
    path("api/notes/", NoteView.as_view()),
    path("api/detect/", VerbViewSet.as_view({"post": "detect"})),
    path("api/other/", VerbViewSet.as_view({"post": "other"})),
]
