"""`/api/v1/albums/` and what is in them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
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
from clients.authentication import client_of
from clients.models import Scope
from clients.permissions import require_scope
from rest.pagination import StrictPagination
from rest.parameters import flag, positive_id
from rest.parsers import NestedJSONParser

ALBUM_ID = OpenApiParameter("album_id", OpenApiTypes.INT, OpenApiParameter.PATH)
PK = OpenApiParameter("id", OpenApiTypes.INT, OpenApiParameter.PATH)
# Named by hand: a list made of the serializer would be described as a page.
IMAGES = {"type": "array", "items": {"$ref": "#/components/schemas/AlbumImage"}}
PROCESS = OpenApiParameter("process", bool, description="Process the images at once.")


class AlbumView(GenericViewSet[Any]):
    """What all of them share."""

    lookup_value_regex = "[^/]+"
    parser_classes = [NestedJSONParser, MultiPartParser, FormParser]
    pagination_class = StrictPagination
    filter_backends = []
    scope_read = scope_write = Scope.ALBUMS
    inputs: dict[str, Any] = {}

    def get_album(self) -> Album:
        """Of the path; 404 when it is another client's."""
        album_id = positive_id(self.kwargs.get("album_id") or self.kwargs["pk"])
        return services.get_album(client=client_of(self.request), album_id=album_id)

    def get_serializer_class(self) -> Any:
        return self.inputs.get(self.action, self.serializer_class)

    def validated(self, request: Request) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data


class AlbumViewSet(mixins.ListModelMixin, AlbumView):
    """Sets of images whose faces are matched and grouped among each other."""

    queryset = Album.objects.none()
    serializer_class = AlbumSerializer
    inputs = {"create": AlbumInput, "partial_update": AlbumPatch, "process": ProcessAlbum}

    def get_queryset(self) -> Any:
        return Album.objects.of_client(client_of(self.request)).with_progress()

    def answer(self, album: Album, **options: Any) -> Response:
        return Response(AlbumSerializer(self.get_queryset().get(pk=album.pk)).data, **options)

    @extend_schema(request=AlbumInput, responses={201: AlbumSerializer})
    def create(self, request: Request) -> Response:
        """A new album. Its faces are compared with the model that is the default today, for good."""
        album = services.create_album(client=client_of(request), **self.validated(request))
        return self.answer(album, status=status.HTTP_201_CREATED)

    @extend_schema(responses=AlbumSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One album and how far its images are."""
        return self.answer(self.get_album())

    @extend_schema(request=AlbumPatch, responses=AlbumSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change name, threshold or whether files are kept (of images that are processed from now on)."""
        album, changes = self.get_album(), self.validated(request)
        for name, value in changes.items():
            setattr(album, name, value)
        return self.answer(services.save_album(album=album, fields=changes))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Erase an album with images, faces and groups. People named from it stay in the gallery."""
        services.delete_album(album=self.get_album())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=ProcessAlbum, responses={202: Queued})
    @action(detail=True, methods=["post"])
    def process(self, request: Request, pk: str) -> Response:
        """Give uploaded images to the workers. The album's counts tell how far they are."""
        album, wanted = self.get_album(), self.validated(request)
        queued = services.queue_images(album=album, image_ids=wanted.get("images"))
        return Response({"queued": queued}, status=status.HTTP_202_ACCEPTED)


@extend_schema(parameters=[ALBUM_ID])
class AlbumImageViewSet(mixins.ListModelMixin, AlbumView):
    """Images of an album, in the order of their upload."""

    queryset = AlbumImage.objects.none()
    serializer_class = AlbumImageSerializer
    inputs = {"create": AlbumUpload}

    def get_queryset(self) -> Any:
        return self.get_album().images.with_faces()

    def get_image(self) -> AlbumImage:
        return services.get_image(album=self.get_album(), pk=positive_id(self.kwargs["pk"]))

    @extend_schema(request=AlbumUpload, responses={201: IMAGES}, parameters=[PROCESS])
    def create(self, request: Request, album_id: str) -> Response:
        """Add images, up to `FACEAPP_MAX_BATCH_IMAGES` a call. What is no image is answered as `failed` at once."""
        album, serializer = self.get_album(), AlbumUpload(data=request.data)
        serializer.is_valid(raise_exception=True)
        rows = services.add_images(album=album, submissions=serializer.submissions())
        if flag(request, "process"):
            services.queue_images(album=album, image_ids=[row.pk for row in rows])
        stored = self.get_queryset().filter(pk__in=[row.pk for row in rows])
        return Response(AlbumImageSerializer(stored, many=True).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=AlbumImageSerializer, parameters=[PK])
    def retrieve(self, request: Request, album_id: str, pk: str) -> Response:
        """One image: its state and its faces."""
        return Response(AlbumImageSerializer(self.get_image()).data)

    @extend_schema(responses={204: None}, parameters=[PK])
    def destroy(self, request: Request, album_id: str, pk: str) -> Response:
        """Erase an image: file, faces and with them its matches."""
        image = self.get_image()
        services.delete_images(album=image.album, images=[image])
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=ImageMatchSerializer(many=True), parameters=[PK])
    @action(detail=True, methods=["get"])
    def matches(self, request: Request, album_id: str, pk: str) -> Response:
        """Other images of the album that show somebody of this one, closest first."""
        page = self.paginate_queryset(services.matches_of(image=self.get_image()))  # type: ignore[arg-type]
        return self.get_paginated_response(ImageMatchSerializer(page, many=True).data)


@extend_schema(parameters=[ALBUM_ID])
class FaceGroupViewSet(mixins.ListModelMixin, AlbumView):
    """The people of an album, who appears most often first. Ids stay when images are added."""

    queryset = FaceGroup.objects.none()
    serializer_class = FaceGroupSerializer
    inputs = {"partial_update": GroupName, "merge": GroupIds, "split": FaceIds}

    def get_queryset(self) -> Any:
        return FaceGroup.objects.of_album(self.get_album()).with_faces().largest_first()

    def get_group(self) -> FaceGroup:
        return curation.get_group(album=self.get_album(), group_id=positive_id(self.kwargs["pk"]))

    def answer(self, group: FaceGroup) -> Response:
        return Response(FaceGroupSerializer(self.get_queryset().get(pk=group.pk)).data)

    @extend_schema(responses=FaceGroupSerializer, parameters=[PK])
    def retrieve(self, request: Request, album_id: str, pk: str) -> Response:
        """One group with its faces."""
        return self.answer(self.get_group())

    @extend_schema(request=GroupName, responses=FaceGroupSerializer, parameters=[PK])
    def partial_update(self, request: Request, album_id: str, pk: str) -> Response:
        """Name the group: it becomes a person of the gallery, or its person gets another name. The key needs the scope
        `people:write` too."""
        require_scope(request, Scope.PEOPLE_WRITE)
        group = self.get_group()
        return self.answer(curation.name_group(group=group, **self.validated(request)))

    @extend_schema(request=GroupIds, responses=FaceGroupSerializer, parameters=[PK])
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, album_id: str, pk: str) -> Response:
        """Take the faces of other groups into this one."""
        group = self.get_group()
        return self.answer(curation.merge_groups(group=group, others=self.validated(request)["groups"]))

    @extend_schema(request=FaceIds, responses=FaceGroupSerializer, parameters=[PK])
    @action(detail=True, methods=["post"])
    def split(self, request: Request, album_id: str, pk: str) -> Response:
        """Move some faces into a new group, which is answered."""
        group = self.get_group()
        return self.answer(curation.split_group(group=group, face_ids=self.validated(request)["faces"]))
