"""`/api/v1/blacklist/`: the people whom a client looks for."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from blacklist import services
from blacklist.api.serializers import (
    EntryInput,
    EntryPatch,
    EntrySerializer,
    ImagesAdded,
    ImagesInput,
    NewEntryInput,
    NewEntrySerializer,
    ReferenceImageSerializer,
)
from blacklist.exceptions import describe
from blacklist.models import BlacklistEntry
from blacklist.querysets import BlacklistEntryQuerySet
from blacklist.types import Enrolment
from clients.api.idempotency import IdempotentView
from clients.api.reads import RecordsReads
from clients.authentication import client_of
from clients.models import Scope
from clients.permissions import what_was_written
from rest.input import read_input
from rest.multipart import MultiPartParser
from rest.parameters import path_id
from rest.parsers import FormParser, JSONParser
from storage.responses import image_response


class BlacklistViewSet(RecordsReads, IdempotentView, ModelViewSet[BlacklistEntry]):
    """People to look for. Names are unique within a client; each entry has one photograph or more."""

    takes_images = frozenset({"create", "images"})
    queryset = BlacklistEntry.objects.none()
    lookup_value_regex = "[^/]+"
    serializer_class = EntrySerializer
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    pagination_class = None
    filter_backends = []
    scope_read, scope_write = Scope.BLACKLIST_READ, Scope.BLACKLIST_WRITE
    inputs: dict[str, type[BaseSerializer[Any]]] = {
        "create": NewEntryInput, "update": EntryInput, "partial_update": EntryPatch, "images": ImagesInput,
    }  # fmt: skip

    def get_queryset(self) -> BlacklistEntryQuerySet:
        entries = BlacklistEntry.objects.of_client(client_of(self.request))
        return entries.select_related("created_by", "changed_by").order_by("id")

    def get_object(self) -> BlacklistEntry:
        return services.get_entry(client=client_of(self.request), entry_id=path_id(self.kwargs["pk"]))

    def get_serializer_class(self) -> Any:
        return self.inputs.get(self.action, EntrySerializer)

    @extend_schema(responses=EntrySerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List all blacklist entries."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request={"multipart/form-data": NewEntryInput}, responses={201: NewEntrySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a blacklist entry with photographs.

        `errors` names unusable files; if none is usable, nothing is stored.
        """
        given = read_input(self, NewEntryInput)
        data = given.validated_data
        done = services.create_entry(
            client=client_of(request),
            name=data["name"],
            uploads=given.uploads,
            reason=data["reason"],
            validity=given.validity,
            **given.case,
        )
        body = EntrySerializer(done.entry).data | {"errors": _errors(done)}
        return Response(body, status=status.HTTP_201_CREATED)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one entry."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=EntryInput, responses=EntrySerializer)
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Replace name and reason. An omitted reason becomes null."""
        return self._written(request, super().update(request, *args, **kwargs))

    @extend_schema(request=EntryPatch, responses=EntrySerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change an entry. Only what is given, such as `is_active`."""
        return self._written(request, super().update(request, *args, **kwargs))  # `EntryPatch` says what may be omitted

    @staticmethod
    def _written(request: Request, response: Response) -> Response:
        return Response(what_was_written(request, response.data, request.data, scope=Scope.BLACKLIST_READ))

    @extend_schema(responses={200: EntrySerializer})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete an entry with its photographs and matches. Returns the deleted record to who may read it."""
        entry = self.get_object()
        record = EntrySerializer(entry).data
        services.delete_entry(entry=entry)
        return Response(what_was_written(request, record, [], scope=Scope.BLACKLIST_READ))

    @extend_schema(request={"multipart/form-data": ImagesInput}, responses=ImagesAdded)
    @action(detail=True, methods=["post"], url_path="images", url_name="images")
    def images(self, request: Request, pk: str) -> Response:
        """Add photographs to an entry.

        One that cannot be used is named in `errors`; if none can be used the answer is 400.
        """
        entry = self.get_object()
        done = services.add_images(entry=entry, uploads=read_input(self, ImagesInput).uploads)
        added = ReferenceImageSerializer(done.added, many=True, context=self.get_serializer_context()).data
        return Response({"message": f"{len(added)} image(s) added.", "errors": _errors(done), "images": added})

    @extend_schema(responses=ReferenceImageSerializer(many=True))
    @images.mapping.get
    def list_images(self, request: Request, pk: str) -> Response:
        """List the photographs of an entry."""
        images = self.get_object().reference_images.select_related("person").order_by("id")
        body = ReferenceImageSerializer(images, many=True, context=self.get_serializer_context()).data
        return Response(body)

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path=r"images/(?P<image_id>[^/]+)", url_name="image")
    def image(self, request: Request, pk: str, image_id: str) -> FileResponse:
        """Return the file of a photograph."""
        return image_response(services.get_image(entry=self.get_object(), image_id=path_id(image_id)).image)

    @extend_schema(responses={204: None})
    @image.mapping.delete
    def delete_image(self, request: Request, pk: str, image_id: str) -> Response:
        """Remove a photograph with its embeddings. The last one stays: delete the entry instead."""
        services.delete_image(entry=self.get_object(), image_id=path_id(image_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _errors(enrolment: Enrolment) -> list[str]:
    return [describe(refusal) for refusal in enrolment.refused]
