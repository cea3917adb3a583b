"""`/api/v1/recognisers`: trained classifiers of galleries, version by version."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from clients.api.idempotency import IdempotentView
from clients.authentication import client_of
from clients.models import Scope
from clients.numbering import public_id
from errors import NotFound
from rest.input import read_input
from rest.pagination import StrictPagination
from rest.parameters import path_id, text_parameter
from training import services
from training.api.serializers import RecogniserDetailSerializer, RecogniserSerializer, TrainInput
from training.models import Recogniser
from training.querysets import RecogniserQuerySet


@extend_schema_view(
    list=extend_schema(
        parameters=[OpenApiParameter("source", str, description="A gallery's name; empty for the default one.")],
        description="List recognisers. All versions that are kept, newest first.",
    ),
    retrieve=extend_schema(
        responses=RecogniserDetailSerializer,
        description="Return one version with its learning curves. During the training, as far as they have come.",
    ),
)
class RecogniserViewSet(IdempotentView, ReadOnlyModelViewSet[Recogniser]):
    """Classifiers trained on a gallery, newest first. One version at most is in use for each gallery."""

    queryset = Recogniser.objects.none()
    serializer_class = RecogniserSerializer
    pagination_class = StrictPagination
    filter_backends = []
    scope_read, scope_write = Scope.PEOPLE_READ, Scope.PEOPLE_WRITE

    def get_queryset(self) -> RecogniserQuerySet:
        versions = Recogniser.objects.of_client(client_of(self.request)).without_weights()
        return versions.select_related("gallery").prefetch_related("known__person")

    def get_object(self) -> Recogniser:
        found = self.get_queryset().filter(public_id(path_id(self.kwargs["pk"]))).first()
        if found is None:
            raise NotFound("Recogniser not found")
        return found

    def filter_queryset(self, queryset: Any) -> Any:
        source = text_parameter(self.request, "source")
        return queryset if source is None else queryset.in_source(source)

    def get_serializer_class(self) -> type[RecogniserSerializer]:
        return RecogniserDetailSerializer if self.action == "retrieve" else RecogniserSerializer

    @extend_schema(request=TrainInput, responses={202: RecogniserSerializer})
    @action(detail=False, methods=["post"])
    def train(self, request: Request) -> Response:
        """Train the next version for a gallery. It is queued; 409 when there are too few people or images."""
        source = read_input(self, TrainInput).validated_data["source"]
        queued = services.request_training(client=client_of(request), source=source)
        return Response(RecogniserSerializer(queued).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=RecogniserSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Use this version from now on. For example to return to an older one; 409 unless it is ready."""
        recogniser = self.get_object()
        services.activate(recogniser=recogniser)
        return Response(RecogniserSerializer(recogniser).data)

    @extend_schema(request=None, responses=RecogniserSerializer)
    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, pk: str) -> Response:
        """Stop using this version. The nearest template decides alone again."""
        recogniser = self.get_object()
        services.deactivate(recogniser=recogniser)
        return Response(RecogniserSerializer(recogniser).data)
