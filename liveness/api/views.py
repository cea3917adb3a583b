"""`/api/v1/liveness/sessions/` and `/api/v1/anti-spoof/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from clients.authentication import client_of
from clients.models import Scope
from liveness import services
from liveness.api.serializers import (
    AntiSpoofInput,
    AntiSpoofSerializer,
    FramesInput,
    PassedSerializer,
    SessionInput,
    SessionSerializer,
)
from liveness.exceptions import SessionNotFound
from liveness.models import LivenessSession
from rest.parsers import NestedJSONParser

PARSERS = [NestedJSONParser, MultiPartParser, FormParser]


class LivenessSessionViewSet(GenericViewSet[LivenessSession]):
    """Challenges that a person answers in front of a camera."""

    queryset = LivenessSession.objects.none()
    lookup_value_regex = "[^/]+"
    serializer_class = SessionSerializer
    parser_classes = PARSERS
    pagination_class = None
    filter_backends = []
    scope_read = scope_write = Scope.LIVENESS

    def get_serializer_class(self) -> Any:
        inputs = {"create": SessionInput, "frames": FramesInput}
        return inputs.get(self.action, SessionSerializer)

    def get_session(self) -> LivenessSession:
        """404 for an unknown session, another client's, and for what is no id at all."""
        try:
            session_id = UUID(self.kwargs["pk"])
        except ValueError as error:
            raise SessionNotFound("Liveness session not found") from error
        return services.get_session(client=client_of(self.request), session_id=session_id)

    @extend_schema(request=SessionInput, responses={201: SessionSerializer})
    def create(self, request: Request) -> Response:
        """A challenge: `actions` to be done one after the other before `expires_at`."""
        session = services.start_session(client=client_of(request), **self._validated(request))
        return Response(SessionSerializer(session).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=SessionSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """A session as it stands."""
        return Response(SessionSerializer(self.get_session()).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Cancel an open session."""
        services.cancel_session(session=self.get_session())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=FramesInput, responses=PassedSerializer)
    @action(detail=True, methods=["post"])
    def frames(self, request: Request, pk: str) -> Response:
        """One attempt. Frames that pass are answered with a token; others with the code of what is wrong."""
        session = self.get_session()
        result = services.submit_frames(session=session, **self._validated(request))
        return Response(PassedSerializer({"status": "passed", **vars(result)}).data)

    def _validated(self, request: Request) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data


class AntiSpoofViewSet(GenericViewSet[LivenessSession]):
    """The passive score of one image. Nothing is stored."""

    queryset = LivenessSession.objects.none()
    serializer_class = AntiSpoofInput
    parser_classes = PARSERS
    pagination_class = None
    filter_backends = []
    scope_write = Scope.LIVENESS

    @extend_schema(request=AntiSpoofInput, responses={200: AntiSpoofSerializer})
    def create(self, request: Request) -> Response:
        """The largest face: how probable it is that a print or a screen shows it. No face is a 400."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        result = services.passive_check(data=serializer.validated_data["image"])
        return Response(AntiSpoofSerializer({"status": "SUCCESS", **vars(result)}).data)

    def handle_exception(self, exc: Exception) -> Response:
        """Errors of the older service's shape as well: its callers look at `status` alone."""
        response = super().handle_exception(exc)
        if isinstance(response.data, dict):
            response.data["status"] = _status_of(response)
        return response


def _status_of(response: Response) -> str:
    if response.data["code"] == "face.none":
        return "NO_FACE_ERROR"
    return "ERROR" if response.status_code >= 500 else "INPUT_ERROR"
