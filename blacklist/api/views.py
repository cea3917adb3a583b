"""`/api/v1/blacklist/`: the watch list of a client."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

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
from blacklist.types import Enrolment
from clients.authentication import client_of
from clients.models import Scope
from rest.parameters import positive_id
from rest.parsers import NestedJSONParser
from storage.responses import image_response


class BlacklistViewSet(GenericViewSet[BlacklistEntry]):
    """People to look for. Names are unique within a client; each entry has one photograph or more."""

    queryset = BlacklistEntry.objects.none()
    lookup_value_regex = "[^/]+"
    serializer_class = EntrySerializer
    parser_classes = [NestedJSONParser, MultiPartParser, FormParser]
    pagination_class = None
    filter_backends = []
    scope_read, scope_write = Scope.BLACKLIST_READ, Scope.BLACKLIST_WRITE

    def get_queryset(self) -> Any:
        return BlacklistEntry.objects.of_client(client_of(self.request)).order_by("id")

    def get_entry(self) -> BlacklistEntry:
        return services.get_entry(client=client_of(self.request), entry_id=positive_id(self.kwargs["pk"]))

    def get_serializer_class(self) -> Any:
        inputs = {"create": NewEntryInput, "update": EntryInput, "partial_update": EntryPatch, "images": ImagesInput}
        return inputs.get(self.action, EntrySerializer)

    @extend_schema(responses=EntrySerializer(many=True))
    def list(self, request: Request) -> Response:
        """All entries of this client."""
        return Response(EntrySerializer(self.get_queryset(), many=True).data)

    @extend_schema(request={"multipart/form-data": NewEntryInput}, responses={201: NewEntrySerializer})
    def create(self, request: Request) -> Response:
        """List a person from photographs. Unusable files are named in `errors`; with none usable nothing is stored."""
        data = self._validated(request)
        enrolment = services.create_entry(client=client_of(request), uploads=data.pop("images"), **data)
        body = EntrySerializer(enrolment.entry).data | {"errors": _errors(enrolment)}
        return Response(body, status=status.HTTP_201_CREATED)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One entry."""
        return Response(EntrySerializer(self.get_entry()).data)

    @extend_schema(request=EntryInput, responses=EntrySerializer)
    def update(self, request: Request, pk: str) -> Response:
        """Replace name and reason; an omitted reason becomes null."""
        return self._change(self.get_entry(), request)

    @extend_schema(request=EntryPatch, responses=EntrySerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change only what is given, such as `is_active`."""
        return self._change(self.get_entry(), request)

    @extend_schema(responses={200: EntrySerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove an entry with its images, embeddings and matches; answers the record that was removed."""
        entry = self.get_entry()
        record = EntrySerializer(entry).data
        services.delete_entry(entry=entry)
        return Response(record)

    @extend_schema(request={"multipart/form-data": ImagesInput}, responses=ImagesAdded)
    @action(detail=True, methods=["post"], url_path="images", url_name="images")
    def images(self, request: Request, pk: str) -> Response:
        """Add photographs. One that cannot be used is named in `errors`; when none can be used the answer is 400."""
        entry = self.get_entry()
        enrolment = services.add_images(entry=entry, uploads=self._validated(request)["images"])
        added = ReferenceImageSerializer(enrolment.added, many=True, context={"request": request}).data
        message = f"{len(enrolment.added)} image(s) added."
        return Response({"message": message, "errors": _errors(enrolment), "images": added})

    @extend_schema(responses=ReferenceImageSerializer(many=True))
    @images.mapping.get
    def list_images(self, request: Request, pk: str) -> Response:
        """The photographs of an entry."""
        images = self.get_entry().reference_images.all()
        return Response(ReferenceImageSerializer(images, many=True, context={"request": request}).data)

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path=r"images/(?P<image_id>[^/]+)", url_name="image")
    def image(self, request: Request, pk: str, image_id: str) -> FileResponse:
        """The file of one photograph."""
        reference = services.get_image(entry=self.get_entry(), image_id=positive_id(image_id))
        return image_response(reference.image)

    @extend_schema(responses={204: None})
    @image.mapping.delete
    def delete_image(self, request: Request, pk: str, image_id: str) -> Response:
        """Remove one photograph with its embeddings. The last one stays: delete the entry instead."""
        services.delete_image(entry=self.get_entry(), image_id=positive_id(image_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, entry: BlacklistEntry, request: Request) -> Response:
        changes = self._validated(request, entry)
        for name, value in changes.items():
            setattr(entry, name, value)
        return Response(EntrySerializer(services.save_entry(entry=entry, fields=changes)).data)

    def _validated(self, request: Request, entry: BlacklistEntry | None = None) -> dict[str, Any]:
        serializer = self.get_serializer(entry, data=request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data


def _errors(enrolment: Enrolment) -> list[str]:
    return [describe(refusal) for refusal in enrolment.refused]
