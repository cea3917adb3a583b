"""`/api/v1/people` and `/compare`: the gallery of a client."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from clients.authentication import client_of
from clients.models import Scope
from clients.permissions import require_named_scope
from people import services
from people.api.filters import PersonFilter
from people.api.serializers import (
    CompareInput,
    ComparisonSerializer,
    ComparisonsSerializer,
    EnrolledPersonSerializer,
    EnrolmentSerializer,
    NewImage,
    NewPerson,
    PersonImageSerializer,
    PersonPatch,
    PersonSerializer,
    ReceiptSerializer,
    SearchInput,
    SearchSerializer,
    VerifyInput,
)
from people.exceptions import TooManyImages
from people.models import Person, ReferenceImage
from people.types import Enrolment, Gate, Proof
from rest.fields import read_all, upload_of
from rest.pagination import StrictPagination
from rest.parameters import positive_id, strict_flag
from rest.parsers import NestedJSONParser
from storage.responses import image_response

PARSERS = [NestedJSONParser, MultiPartParser, FormParser]
KEEP_RECORD = OpenApiParameter("keep_record", bool, description="Erase the faces only; the record stays.")
EMBEDDINGS = OpenApiParameter("embeddings", bool, description="With embeddings; needs the scope `embeddings`.")


class PeopleViewSet(mixins.ListModelMixin, GenericViewSet[Person]):
    """People whom this client knows, with their photographs. Nobody on the blacklist is among them."""

    queryset = Person.objects.none()
    lookup_value_regex = "[^/]+"
    serializer_class = PersonSerializer
    pagination_class = StrictPagination
    filterset_class = PersonFilter
    parser_classes = PARSERS
    scope_read, scope_write = Scope.PEOPLE_READ, Scope.PEOPLE_WRITE
    scopes = {"search": Scope.PEOPLE_SEARCH, "verify": Scope.PEOPLE_SEARCH}

    def get_queryset(self) -> Any:
        return Person.objects.of_client(client_of(self.request)).enrolled().with_images().order_by("id")

    def get_person(self) -> Person:
        return services.get_person(client=client_of(self.request), person_id=positive_id(self.kwargs["pk"]))

    def get_serializer_class(self) -> Any:
        inputs = {
            "create": NewPerson, "partial_update": PersonPatch, "images": NewImage, "search": SearchInput,
            "verify": VerifyInput,
        }  # fmt: skip
        return inputs.get(self.action, PersonSerializer)

    @extend_schema(request=NewPerson, responses={201: EnrolledPersonSerializer, 200: EnrolledPersonSerializer})
    def create(self, request: Request) -> Response:
        """A new person, with the face of a photograph or without; 200 where the person was there already."""
        data = self._validated(request)
        existing, image = data.pop("on_existing"), data.pop("image", None)
        options = {"gate": _gate(data), "face_choice": data.pop("face_choice"), "proof": _proof(data)}
        if image is None:
            person = services.create_person(client=client_of(request), **data)
            return Response(self._enrolled(person, None), status=status.HTTP_201_CREATED)
        options |= {"replace": existing == "replace", "only_new": existing == "refuse"}
        enrolment = services.enrol_face(client=client_of(request), upload=upload_of(image), **data, **options)
        code = status.HTTP_201_CREATED if enrolment.created else status.HTTP_200_OK
        return Response(self._enrolled(enrolment.person, enrolment), status=code)

    @extend_schema(responses=PersonSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One person."""
        return Response(self.get_serializer(self.get_person()).data)

    @extend_schema(request=PersonPatch, responses=PersonSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change only what is given."""
        person = services.update_person(person=self.get_person(), changes=self._validated(request))
        return Response(PersonSerializer(person, context=self.get_serializer_context()).data)

    @extend_schema(parameters=[KEEP_RECORD], responses={200: ReceiptSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Erase a person with photographs and embeddings, or the faces only; answers a receipt that names nobody."""
        erase = services.erase_faces if strict_flag(request, "keep_record") else services.erase_person
        return Response(ReceiptSerializer(erase(person=self.get_person())).data)

    # ---- photographs ----------------------------------------------------------------------------------------

    @extend_schema(request=NewImage, responses={201: EnrolmentSerializer})
    @action(detail=True, methods=["post"], url_path="images", url_name="images", filterset_class=None)
    def images(self, request: Request, pk: str) -> Response:
        """Enrol another photograph, or one in the place of all others."""
        person, data = self.get_person(), self._validated(request)
        upload, gate, proof = upload_of(data.pop("image")), _gate(data), _proof(data)
        enrolment = services.enrol_face(
            client=person.client, person=person, upload=upload, gate=gate, proof=proof, **data
        )
        body = EnrolmentSerializer(enrolment, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[EMBEDDINGS], responses=PersonImageSerializer(many=True), filters=False)
    @images.mapping.get
    def list_images(self, request: Request, pk: str) -> Response:
        """The photographs of a person, the primary one first."""
        images = ReferenceImage.objects.filter(person=self.get_person()).primary_first()
        context = self.get_serializer_context() | {"embeddings": strict_flag(request, "embeddings")}
        if context["embeddings"]:
            require_named_scope(request, Scope.EMBEDDINGS)
            images = images.prefetch_related("face_templates")
        page = self.paginate_queryset(images)
        return self.get_paginated_response(PersonImageSerializer(page, many=True, context=context).data)

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path=r"images/(?P<image_id>[^/]+)", url_name="image")
    def image(self, request: Request, pk: str, image_id: str) -> FileResponse:
        """The file of one photograph."""
        found = services.get_reference_image(person=self.get_person(), image_id=positive_id(image_id))
        return image_response(found.image)

    @extend_schema(responses={204: None})
    @image.mapping.delete
    def delete_image(self, request: Request, pk: str, image_id: str) -> Response:
        """Remove one photograph with its embeddings; the last one too."""
        services.delete_reference_image(person=self.get_person(), image_id=positive_id(image_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=PersonImageSerializer)
    @action(detail=True, methods=["post"], url_path=r"images/(?P<image_id>[^/]+)/primary", url_name="primary")
    def primary(self, request: Request, pk: str, image_id: str) -> Response:
        """Let this photograph stand for the person."""
        image = services.set_primary_image(person=self.get_person(), image_id=positive_id(image_id))
        return Response(PersonImageSerializer(image, context=self.get_serializer_context()).data)

    # ---- searching ------------------------------------------------------------------------------------------

    @extend_schema(request=SearchInput, responses=SearchSerializer, filters=False)
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def search(self, request: Request) -> Response:
        """Who is it? The nearest people for every face of an image, or for an embedding."""
        data = self._validated(request)
        image, embedding, wanted = data.pop("image", None), data.pop("embedding", None), data.pop("return_embeddings")
        if embedding or wanted:
            require_named_scope(request, Scope.EMBEDDINGS)
        probe = {"data": upload_of(image).data} if image is not None else {"embeddings": [embedding]}
        data["threshold"] = data.get("threshold") or None
        found = services.search_people(client=client_of(request), **probe, **data)
        body = SearchSerializer(found, context={"embeddings": found.space if wanted else ""}).data
        return Response(body, headers={"Server-Timing": f"engine;dur={found.milliseconds:.1f}"})

    @extend_schema(request=VerifyInput, responses=ComparisonSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def verify(self, request: Request, pk: str) -> Response:
        """Is it this person? The largest face of an image against the person's photographs."""
        person, data = self.get_person(), self._validated(request)
        options = {"threshold": data.get("threshold") or None, "token": data.get("liveness_token", "")}
        compared = services.verify_person(person=person, data=upload_of(data["image"]).data, **options)
        return Response(ComparisonSerializer(compared).data)

    def _enrolled(self, person: Person, enrolment: Enrolment | None) -> dict[str, Any]:
        context = self.get_serializer_context()
        told = EnrolmentSerializer(enrolment, context=context).data if enrolment else None
        return PersonSerializer(person, context=context).data | {"enrolment": told}

    def _validated(self, request: Request) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data


class CompareViewSet(GenericViewSet[Person]):
    """Compare faces of images with each other. Nothing is stored."""

    queryset = Person.objects.none()
    serializer_class = CompareInput
    pagination_class = None
    filter_backends = []
    parser_classes = PARSERS
    scope_write = Scope.PEOPLE_SEARCH

    @extend_schema(request=CompareInput, responses={200: ComparisonsSerializer}, filters=False)
    def create(self, request: Request) -> Response:
        """The largest face of `image` against the largest of each of `images`. A bad one of these fails alone."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        if len(data["images"]) > settings.MAX_BATCH_IMAGES:
            raise TooManyImages(f"At most {settings.MAX_BATCH_IMAGES} images are taken in one call. Send several.")
        compared = services.compare_faces(
            client=client_of(request),
            first=upload_of(data["image"]).data,
            others=read_all(data["images"]),
            threshold=data.get("threshold") or None,
            token=data.get("liveness_token", ""),
            subject=data.get("liveness_subject", ""),
        )
        return Response(ComparisonsSerializer(compared).data)


def _gate(data: dict[str, Any]) -> Gate | None:
    chosen = data.pop("quality_gate", None)
    return Gate(chosen) if chosen else None


def _proof(data: dict[str, Any]) -> Proof | None:
    token = data.pop("liveness_token", "")
    return Proof(token=token) if token else None
