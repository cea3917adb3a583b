"""`/api/v1/recognisers`: trained classifiers of galleries, version by version."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from clients.authentication import client_of
from clients.models import Scope
from errors import NotFound
from rest.pagination import StrictPagination
from rest.parameters import positive_id
from training import services
from training.api.serializers import RecogniserDetailSerializer, RecogniserSerializer, TrainInput
from training.models import Recogniser
from training.querysets import RecogniserQuerySet


class RecogniserViewSet(ReadOnlyModelViewSet[Recogniser]):
    """Classifiers trained on a gallery, newest first. One version at most is in use for each gallery."""

    queryset = Recogniser.objects.none()
    serializer_class = RecogniserSerializer
    pagination_class = StrictPagination
    filter_backends = []
    scope_read, scope_write = Scope.PEOPLE_READ, Scope.PEOPLE_WRITE

    def get_queryset(self) -> RecogniserQuerySet:
        return Recogniser.objects.of_client(client_of(self.request)).without_weights().select_related("gallery")

    def get_object(self) -> Recogniser:
        found = self.get_queryset().filter(pk=positive_id(self.kwargs["pk"])).first()
        if found is None:
            raise NotFound("Recogniser not found")
        return found

    @extend_schema(
        parameters=[OpenApiParameter("source", str, description="A gallery's name; empty: the default one.")]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All versions that are kept."""
        source = request.query_params.get("source")
        versions = self.get_queryset() if source is None else self.get_queryset().in_source(source)
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(versions), many=True).data)

    @extend_schema(responses=RecogniserDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One version with its learning curves; while it is trained, as far as they have come."""
        return Response(RecogniserDetailSerializer(self.get_object()).data)

    @extend_schema(request=TrainInput, responses={202: RecogniserSerializer})
    @action(detail=False, methods=["post"])
    def train(self, request: Request) -> Response:
        """Queue the training of a gallery's next version; 409 where people or images are too few."""
        serializer = TrainInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        queued = services.request_training(client=client_of(request), **serializer.validated_data)
        return Response(RecogniserSerializer(queued).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=RecogniserSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Use this version from now on; the way back to an older one. 409 unless it is ready."""
        recogniser = self.get_object()
        services.activate(recogniser=recogniser)
        return Response(RecogniserSerializer(recogniser).data)

    @extend_schema(request=None, responses=RecogniserSerializer)
    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, pk: str) -> Response:
        """Let the nearest template decide alone again."""
        recogniser = self.get_object()
        services.deactivate(recogniser=recogniser)
        return Response(RecogniserSerializer(recogniser).data)
