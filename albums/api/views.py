"""`/api/v1/albums/` and what is in them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from albums import curation, services
from albums.api.serializers import (
    AlbumImageSerializer,
    AlbumInput,
    AlbumPatch,
    AlbumSerializer,
    AlbumUpload,
    FaceGroupSerializer,
    FaceIds,
    GroupIds,
    GroupName,
    ImageMatchSerializer,
    ProcessAlbum,
    Queued,
)
from albums.models import Album, AlbumImage, FaceGroup
from clients.api.idempotency import IdempotentView
from clients.authentication import client_of
from clients.models import Scope
from clients.permissions import require_scope
from rest.input import read_input
from rest.multipart import MultiPartParser
from rest.pagination import StrictPagination
from rest.parameters import flag, path_id
from rest.parsers import FormParser, JSONParser
from storage.responses import XMP, sidecar_response

ALBUM_ID = OpenApiParameter("album_id", OpenApiTypes.INT, OpenApiParameter.PATH)
PK = OpenApiParameter("id", OpenApiTypes.INT, OpenApiParameter.PATH)
# Spelled out: a list of the serializer would be described as a page.
IMAGES = {"type": "array", "items": {"$ref": "#/components/schemas/AlbumImage"}}
PROCESS = OpenApiParameter("process", bool, description="Process the images at once.")


class AlbumView(IdempotentView, GenericViewSet[Any]):
    """What all of them share."""

    lookup_value_regex = "[^/]+"
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    pagination_class = StrictPagination
    filter_backends = []
    scope_read = scope_write = Scope.ALBUMS
    inputs: dict[str, Any] = {}

    def get_album(self) -> Album:
        """Of the path; 404 when it is another client's."""
        album_id = path_id(self.kwargs.get("album_id") or self.kwargs["pk"])
        return services.get_album(client=client_of(self.request), album_id=album_id)

    def get_serializer_class(self) -> Any:
        return self.inputs.get(self.action, self.serializer_class)

    def validated(self) -> dict[str, Any]:
        """The request's body as the action's input."""
        data: dict[str, Any] = read_input(self, self.get_serializer_class()).validated_data
        return data


@extend_schema_view(
    list=extend_schema(description="List albums."),
    retrieve=extend_schema(description="Return one album with the progress of its images."),
    destroy=extend_schema(
        description="Erase an album with images, faces and groups. People named from it stay in the gallery."
    ),
)
class AlbumViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, AlbumView):
    """Sets of images whose faces are matched and grouped among each other."""

    queryset = Album.objects.none()
    serializer_class = AlbumSerializer
    inputs = {"create": AlbumInput, "partial_update": AlbumPatch, "process": ProcessAlbum}

    def get_queryset(self) -> Any:
        return Album.objects.of_client(client_of(self.request)).with_progress()

    def get_object(self) -> Album:
        album: Album = self.get_queryset().get(pk=self.get_album().pk)
        return album

    def perform_destroy(self, instance: Album) -> None:
        services.delete_album(album=instance)

    def answer(self, album: Album, **options: Any) -> Response:
        return Response(AlbumSerializer(self.get_queryset().get(pk=album.pk)).data, **options)

    @extend_schema(request=AlbumInput, responses={201: AlbumSerializer})
    def create(self, request: Request) -> Response:
        """Create an album. Its faces are always compared with the model that is the default today."""
        album = services.create_album(client=client_of(request), **self.validated())
        return self.answer(album, status=status.HTTP_201_CREATED)

    @extend_schema(request=AlbumPatch, responses=AlbumSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change name, threshold or whether files are kept.

        The latter counts for images that are processed from now on.
        """
        album, changes = self.get_album(), self.validated()
        for name, value in changes.items():
            setattr(album, name, value)
        return self.answer(services.save_album(album=album, fields=changes))

    @extend_schema(request=ProcessAlbum, responses={202: Queued})
    @action(detail=True, methods=["post"])
    def process(self, request: Request, pk: str) -> Response:
        """Queue uploaded images for processing. The album's counts show the progress."""
        queued = services.queue_images(album=self.get_album(), image_ids=self.validated().get("images"))
        return Response({"queued": queued}, status=status.HTTP_202_ACCEPTED)


@extend_schema(parameters=[ALBUM_ID])
@extend_schema_view(
    list=extend_schema(description="List the images of an album, in the order of their upload."),
    retrieve=extend_schema(parameters=[PK], description="Return one image: its state and its faces."),
    destroy=extend_schema(parameters=[PK], description="Erase an image with its file, faces and matches."),
)
class AlbumImageViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, AlbumView):
    """Images of an album, in the order of their upload."""

    takes_images = frozenset({"create"})
    queryset = AlbumImage.objects.none()
    serializer_class = AlbumImageSerializer
    inputs = {"create": AlbumUpload}

    def get_queryset(self) -> Any:
        return self.get_album().images.with_faces()

    def get_object(self) -> AlbumImage:
        return services.get_image(album=self.get_album(), image_id=path_id(self.kwargs["pk"]))

    def perform_destroy(self, instance: AlbumImage) -> None:
        services.delete_images(album=instance.album, images=[instance])

    @extend_schema(request=AlbumUpload, responses={201: IMAGES}, parameters=[PROCESS])
    def create(self, request: Request, album_id: str) -> Response:
        """Add images to an album.

        Up to `FACEAPP_MAX_BATCH_IMAGES` per call; what is not an image is answered as `failed`.
        """
        album, submissions = self.get_album(), read_input(self, AlbumUpload).submissions()
        rows = services.add_images(album=album, submissions=submissions, process=flag(request, "process"))
        stored = album.images.with_faces().filter(pk__in=[row.pk for row in rows])
        return Response(AlbumImageSerializer(stored, many=True).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=ImageMatchSerializer(many=True), parameters=[PK])
    @action(detail=True, methods=["get"])
    def matches(self, request: Request, album_id: str, pk: str) -> Response:
        """Find other images of the album with a person of this one. The closest comes first."""
        page = self.paginate_queryset(services.matches_of(image=self.get_object()))  # type: ignore[arg-type]
        return self.get_paginated_response(ImageMatchSerializer(page, many=True).data)

    @extend_schema(responses={(200, XMP): OpenApiTypes.BINARY}, parameters=[PK])
    @action(detail=True, methods=["get"], pagination_class=None)
    def sidecar(self, request: Request, album_id: str, pk: str) -> HttpResponse:
        """Return an XMP sidecar for the file of an image. Its regions mark the faces, with the names of their groups.

        404 if the album does not keep its files.
        """
        image = self.get_album().images.with_names().get(pk=self.get_object().pk)
        return sidecar_response(image.image, image.named_faces)


@extend_schema(parameters=[ALBUM_ID])
@extend_schema_view(
    list=extend_schema(
        description="List the people of an album. Those with most faces come first; ids stay when images are added."
    ),
    retrieve=extend_schema(parameters=[PK], description="Return one group with its faces."),
)
class FaceGroupViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, AlbumView):
    """The people of an album, those with most faces first. Ids stay when images are added."""

    queryset = FaceGroup.objects.none()
    serializer_class = FaceGroupSerializer
    inputs = {"partial_update": GroupName, "merge": GroupIds, "split": FaceIds}

    def get_queryset(self) -> Any:
        return FaceGroup.objects.of_album(self.get_album()).with_faces().largest_first()

    def get_object(self) -> FaceGroup:
        return curation.get_group(album=self.get_album(), group_id=path_id(self.kwargs["pk"]))

    def answer(self, group: FaceGroup) -> Response:
        return Response(FaceGroupSerializer(self.get_queryset().get(pk=group.pk)).data)

    @extend_schema(request=GroupName, responses=FaceGroupSerializer, parameters=[PK])
    def partial_update(self, request: Request, album_id: str, pk: str) -> Response:
        """Name a group. It becomes a person of the gallery, or its person gets another name. The key also needs the
        scope `people:write`.
        """
        require_scope(request, Scope.PEOPLE_WRITE)
        return self.answer(curation.name_group(group=self.get_object(), name=self.validated()["name"]))

    @extend_schema(request=GroupIds, responses=FaceGroupSerializer, parameters=[PK])
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, album_id: str, pk: str) -> Response:
        """Take the faces of other groups into this one."""
        return self.answer(curation.merge_groups(group=self.get_object(), others=self.validated()["groups"]))

    @extend_schema(request=FaceIds, responses=FaceGroupSerializer, parameters=[PK])
    @action(detail=True, methods=["post"])
    def split(self, request: Request, album_id: str, pk: str) -> Response:
        """Move some faces into a new group, which is returned."""
        return self.answer(curation.split_group(group=self.get_object(), faces=self.validated()["faces"]))
