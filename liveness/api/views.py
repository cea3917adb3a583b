"""`/api/v1/liveness/sessions/` and `/api/v1/anti-spoof/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from clients.api.idempotency import IdempotentView
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
from rest.multipart import MultiPartParser
from rest.parsers import FormParser, JSONParser

PARSERS = [JSONParser, MultiPartParser, FormParser]


@extend_schema_view(
    create=extend_schema(
        description="Start a liveness session. Its `actions` are to be done one after the other before `expires_at`.",
        responses={201: SessionSerializer},
    ),
    retrieve=extend_schema(description="Return the state of a session."),
    destroy=extend_schema(description="Cancel an open session."),
)
class LivenessSessionViewSet(
    IdempotentView,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[LivenessSession],
):
    """Challenges that a person answers in front of a camera."""

    takes_images = frozenset({"frames"})
    queryset = LivenessSession.objects.none()
    lookup_value_regex = "[^/]+"
    serializer_class = SessionSerializer
    parser_classes = PARSERS
    pagination_class = None
    filter_backends = []
    scope_read = scope_write = Scope.LIVENESS
    erases = False  # DELETE cancels

    def get_serializer_class(self) -> Any:
        inputs = {"create": SessionInput, "frames": FramesInput}
        return inputs.get(self.action, SessionSerializer)

    def get_object(self) -> LivenessSession:
        """Raises `SessionNotFound` for an unknown session, another client's, and for what is not an id at all."""
        try:
            session_id = UUID(self.kwargs["pk"])
        except ValueError as error:
            raise SessionNotFound("Liveness session not found") from error
        return services.get_session(client=client_of(self.request), session_id=session_id)

    def perform_create(self, serializer: BaseSerializer[LivenessSession]) -> None:
        serializer.save(client=client_of(self.request))

    def perform_destroy(self, instance: LivenessSession) -> None:
        services.cancel_session(session=instance)

    @extend_schema(request=FramesInput, responses=PassedSerializer)
    @action(detail=True, methods=["post"])
    def frames(self, request: Request, pk: str) -> Response:
        """Submit the frames of one attempt.

        Those that pass are answered with a token; others with the code of what is wrong.
        """
        session = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        attempt = serializer.validated_data
        result = services.submit_frames(
            session=session, nonce=attempt["nonce"], frames=attempt["frames"], image=attempt.get("image")
        )
        return Response(PassedSerializer({"status": "passed", **vars(result)}).data)


class AntiSpoofViewSet(GenericViewSet[LivenessSession]):
    """The passive score of one image. Nothing is stored.

    The path and the words in `status` come from the eKYC service, whose callers look at `status` alone.
    """

    takes_images = frozenset({"create"})
    queryset = LivenessSession.objects.none()
    serializer_class = AntiSpoofInput
    parser_classes = PARSERS
    pagination_class = None
    filter_backends = []
    scope_write = Scope.LIVENESS

    @extend_schema(request=AntiSpoofInput, responses={200: AntiSpoofSerializer})
    def create(self, request: Request) -> Response:
        """Score how likely an image shows a print or a screen. The largest face counts; no face is a 400."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        result = services.passive_check(data=serializer.validated_data["image"])
        return Response(AntiSpoofSerializer({"status": "SUCCESS", **vars(result)}).data)

    def handle_exception(self, exc: Exception) -> Response:
        """The error of the native API with eKYC's `status` added."""
        response = super().handle_exception(exc)
        if isinstance(response.data, dict):
            other = "ERROR" if response.status_code >= 500 else "INPUT_ERROR"
            response.data["status"] = "NO_FACE_ERROR" if response.data["code"] == "face.none" else other
        return response
