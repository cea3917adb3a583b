"""`/api/v1/people`, `/galleries`, `/respaces` and `/compare`: whom a client knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from audit.api.serializers import ReceiptSerializer
from audit.types import Action
from clients.api.idempotency import IdempotentView
from clients.api.reads import RecordsReads
from clients.authentication import client_of
from clients.models import ApiKey, Scope
from clients.numbering import record_rows
from clients.permissions import may, require_named_scope, require_scope
from people import services
from people.api import narrowing
from people.api.filters import PersonFilter
from people.api.identities import IdentityActions, NewIdentity, OtherPerson
from people.api.inputs import (
    CompareInput,
    GalleryPatch,
    ImageInput,
    NewImage,
    NewPerson,
    PersonPatch,
    SearchInput,
    VerifyInput,
)
from people.api.serializers import (
    ComparisonSerializer,
    ComparisonsSerializer,
    EnrolledPersonSerializer,
    EnrolmentSerializer,
    GallerySerializer,
    PersonImageSerializer,
    PersonSerializer,
    ReportSerializer,
    RespaceSerializer,
    SearchSerializer,
)
from people.models import Gallery, GalleryKind, Person, ReferenceImage, Respace
from people.querysets import GalleryQuerySet, PersonQuerySet, RespaceQuerySet
from people.types import Whom
from rest.fields import read_all, upload_of
from rest.input import read_input
from rest.multipart import MultiPartParser
from rest.pagination import StrictPagination
from rest.parameters import path_id, strict_flag
from rest.parsers import FormParser, JSONParser
from storage.responses import image_response
from work.exceptions import TooManyImages

PARSERS = [JSONParser, MultiPartParser, FormParser]
KEEP_RECORD = OpenApiParameter("keep_record", bool, description="Erase the faces only; the record stays.")
EVERYWHERE = OpenApiParameter(
    "everywhere", bool, description="Erase faces that look like the person's from albums and screened images too."
)
EMBEDDINGS = OpenApiParameter("embeddings", bool, description="With embeddings; needs the scope `embeddings`.")
KIND = OpenApiParameter(
    "kind", str, enum=GalleryKind.values, description="Which one is meant if galleries of both kinds have this name."
)


@extend_schema_view(
    list=extend_schema(description="List people with their photographs. Blacklist entries are not among them."),
    retrieve=extend_schema(description="Return one person."),
)
class PeopleViewSet(
    IdentityActions,
    RecordsReads,
    IdempotentView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Person],
):
    """People whom this client knows, with their photographs. Blacklist entries are not among them."""

    takes_images = frozenset({"create", "images", "search", "verify", "report_of_image"})
    stores_nothing = frozenset({"search", "verify", "report_of_image"})
    queryset = Person.objects.none()
    lookup_value_regex = "[^/]+"
    serializer_class = PersonSerializer
    pagination_class = StrictPagination
    filterset_class = PersonFilter
    parser_classes = PARSERS
    scope_read, scope_write = Scope.PEOPLE_READ, Scope.PEOPLE_WRITE
    scopes = {"search": Scope.PEOPLE_MATCH, "verify": Scope.PEOPLE_MATCH, "report_of_image": Scope.PEOPLE_SEARCH}
    to_confirm = frozenset({"merge", "report", "report_of_image"})
    for_managers = frozenset({"merge"})
    inputs: dict[str, type[BaseSerializer[Any]]] = {
        "create": NewPerson, "partial_update": PersonPatch, "images": NewImage, "search": SearchInput,
        "verify": VerifyInput, "report_of_image": ImageInput, "merge": OtherPerson, "split": NewIdentity,
        "apart": OtherPerson,
    }  # fmt: skip

    def get_queryset(self) -> PersonQuerySet:
        people = Person.objects.of_client(client_of(self.request)).of_kind(GalleryKind.PEOPLE)
        return people.select_related("gallery").with_images().order_by("id")

    def get_object(self) -> Person:
        return services.get_person(client=client_of(self.request), person_id=path_id(self.kwargs["pk"]))

    def get_serializer_class(self) -> Any:
        return self.inputs.get(self.action, PersonSerializer)

    @extend_schema(request=NewPerson, responses={201: EnrolledPersonSerializer, 200: EnrolledPersonSerializer})
    def create(self, request: Request) -> Response:
        """Add a person, with a photograph or without. 200 if the person exists already."""
        given, client, context = read_input(self, NewPerson), client_of(request), self.get_serializer_context()
        if "image" not in given.validated_data:
            whom = given.whom
            person = services.create_person(
                client=client, external_id=whom.external_id, name=whom.name, source=whom.source,
                metadata=whom.metadata, legal_basis=whom.legal_basis,
            )  # fmt: skip
            body = narrowing.written(request, PersonSerializer(person, context=context).data, given.initial_data)
            return Response(body | {"enrolment": None}, status=status.HTTP_201_CREATED)
        done = services.enrol_face(
            client=client, upload=given.upload, whom=given.whom, rules=given.rules, proof=given.proof
        )
        enrolment = narrowing.enrolment(request, EnrolmentSerializer(done, context=context).data)
        body = narrowing.written(request, PersonSerializer(done.person, context=context).data, given.initial_data)
        return Response(
            body | {"enrolment": enrolment}, status=status.HTTP_201_CREATED if done.created else status.HTTP_200_OK
        )

    @extend_schema(request=PersonPatch, responses=PersonSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a person. What is not given stays. A key without `people:read` is answered with what it changed."""
        person, given = self.get_object(), read_input(self, PersonPatch)
        person = services.update_person(person=person, changes=given.validated_data)
        body = PersonSerializer(person, context=self.get_serializer_context()).data
        return Response(narrowing.written(request, body, given.initial_data))

    @extend_schema(parameters=[KEEP_RECORD, EVERYWHERE], responses={200: ReceiptSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Erase a person, or the faces only.

        Photographs and embeddings go with them. The answer is a receipt without personal data; it says what was
        erased and what remains.
        """
        erase = services.erase_faces if strict_flag(request, "keep_record") else services.erase_person
        receipt = erase(person=self.get_object(), everywhere=strict_flag(request, "everywhere"))
        return Response(ReceiptSerializer(receipt).data)

    # ---- photographs ----------------------------------------------------------------------------------------

    @extend_schema(request=NewImage, responses={201: EnrolmentSerializer})
    @action(detail=True, methods=["post"], url_path="images", url_name="images", filterset_class=None)
    def images(self, request: Request, pk: str) -> Response:
        """Add a photograph of a person, or replace all others by it."""
        person, given = self.get_object(), read_input(self, NewImage)
        done = services.enrol_face(
            client=person.client, upload=given.upload, whom=Whom(person), rules=given.rules, proof=given.proof
        )
        body = EnrolmentSerializer(done, context=self.get_serializer_context()).data
        return Response(narrowing.enrolment(request, body), status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[EMBEDDINGS], responses=PersonImageSerializer(many=True), filters=False)
    @images.mapping.get
    def list_images(self, request: Request, pk: str) -> Response:
        """List the photographs of a person, the primary one first."""
        person = self.get_object()
        images = ReferenceImage.objects.filter(person=person).select_related("person").primary_first()
        context = self.get_serializer_context() | {"embeddings": strict_flag(request, "embeddings")}
        if context["embeddings"]:
            require_named_scope(request, Scope.EMBEDDINGS)
            images = images.prefetch_related("face_templates")
            record_rows(Action.EXPORT, [person])
        page = self.paginate_queryset(images)
        return self.get_paginated_response(PersonImageSerializer(page, many=True, context=context).data)

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path=r"images/(?P<image_id>[^/]+)", url_name="image")
    def image(self, request: Request, pk: str, image_id: str) -> FileResponse:
        """Return the file of a photograph."""
        found = services.get_reference_image(person=self.get_object(), image_id=path_id(image_id))
        return image_response(found.image)

    @extend_schema(responses={204: None})
    @image.mapping.delete
    def delete_image(self, request: Request, pk: str, image_id: str) -> Response:
        """Remove a photograph with its embeddings. The last one may be removed too."""
        services.delete_reference_image(person=self.get_object(), image_id=path_id(image_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=PersonImageSerializer)
    @action(detail=True, methods=["post"], url_path=r"images/(?P<image_id>[^/]+)/primary", url_name="primary")
    def primary(self, request: Request, pk: str, image_id: str) -> Response:
        """Make this the photograph that represents the person."""
        image = services.set_primary_image(person=self.get_object(), image_id=path_id(image_id))
        body = PersonImageSerializer(image, context=self.get_serializer_context()).data
        return Response(narrowing.written(request, body, ["is_primary"]))

    # ---- access to one's data -------------------------------------------------------------------------------

    @extend_schema(responses=ReportSerializer, filters=False)
    @action(detail=True, methods=["get"], url_path="report", url_name="report", filterset_class=None)
    def report(self, request: Request, pk: str) -> Response:
        """Report everything that is held about a person. For somebody who asks for access to their data."""
        require_scope(request, Scope.PEOPLE_SEARCH)
        return Response(services.report_of_person(person=self.get_object()))

    @extend_schema(request=ImageInput, responses=ReportSerializer, filters=False)
    @action(detail=False, methods=["post"], url_path="report", url_name="report-of-image", pagination_class=None,
            filter_backends=[])  # fmt: skip
    def report_of_image(self, request: Request) -> Response:
        """Report what is held about the person in an image.

        The report covers everybody who matches the largest face at the one-to-one operating point.
        """
        require_scope(request, Scope.PEOPLE_READ)
        given = read_input(self, ImageInput)
        data = upload_of(given.validated_data["image"]).data
        found = services.report_of_image(
            client=client_of(request), data=data, with_blacklist=may(request, Scope.BLACKLIST_READ)
        )
        return Response(found)

    # ---- searching ------------------------------------------------------------------------------------------

    @extend_schema(request=SearchInput, responses=SearchSerializer, filters=False)
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def search(self, request: Request) -> Response:
        """Find out who is in an image.

        The nearest people for every face of an image, or for an embedding.
        Keys without `people:read` may not choose a threshold, and are told of people who match, or are to be reviewed.
        Keys with `people:match` alone learn whether there is such a person, and not who.
        """
        given = read_input(self, SearchInput)
        narrowing.require_own_threshold(request, given.options.threshold)
        if given.needs_embeddings:
            require_named_scope(request, Scope.EMBEDDINGS)
        found = services.search_people(client=client_of(request), probe=given.probe, options=given.options)
        wanted = found.space if given.validated_data["return_embeddings"] else ""
        body = SearchSerializer(found, context={"embeddings": wanted}).data
        return Response(
            narrowing.search(request, body), headers={"Server-Timing": f"engine;dur={found.milliseconds:.1f}"}
        )

    @extend_schema(request=VerifyInput, responses=ComparisonSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def verify(self, request: Request, pk: str) -> Response:
        """Verify that an image shows this person.

        The largest face of an image is compared with the person's photographs.
        Keys without `people:read` may not choose a threshold. 429 after too many failures for one person in an hour.
        """
        person, given = self.get_object(), read_input(self, VerifyInput)
        narrowing.require_own_threshold(request, given.distance)
        data = upload_of(given.validated_data["image"]).data
        compared = services.verify_person(person=person, data=data, threshold=given.distance, token=given.token)
        return Response(narrowing.comparison(request, ComparisonSerializer(compared).data))


@extend_schema_view(list=extend_schema(description="List galleries."))
class GalleryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin,
                     GenericViewSet[Gallery]):  # fmt: skip
    """Sets of people that are searched together. Enrolling into a new one creates it."""

    queryset = Gallery.objects.none()
    lookup_field, lookup_value_regex = "name", ".+"
    serializer_class = GallerySerializer
    pagination_class = StrictPagination
    filter_backends = []
    scope_read, scope_write = Scope.PEOPLE_READ, Scope.PEOPLE_WRITE
    for_managers = frozenset({"partial_update"})

    def get_queryset(self) -> GalleryQuerySet:
        return Gallery.objects.of_client(client_of(self.request)).described().order_by("pk")

    def get_object(self) -> Gallery:
        kind = self.request.query_params.get("kind")
        return services.get_gallery(client=client_of(self.request), name=self.kwargs["name"], kind=kind)

    def get_serializer_class(self) -> Any:
        return GalleryPatch if self.action == "partial_update" else GallerySerializer

    @extend_schema(parameters=[KIND])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one gallery."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(parameters=[KIND], request=GalleryPatch, responses=GallerySerializer)
    def partial_update(self, request: Request, name: str) -> Response:
        """Change the name or the thresholds of a gallery. The default gallery stays the default.

        For a blacklist, `blacklist:write` is needed as well. API keys change neither `two_person_review` nor `backend`.
        """
        gallery, given = self.get_object(), read_input(self, GalleryPatch)
        if gallery.kind == GalleryKind.BLACKLIST:
            require_scope(request, Scope.BLACKLIST_WRITE)
        if "two_person_review" in given.validated_data and isinstance(request.auth, ApiKey):
            raise PermissionDenied("Only managers who log in may change who judges hits.", code="auth.missing_role")
        if "backend" in given.validated_data and isinstance(request.auth, ApiKey):
            message = "Only managers who log in may have photographs leave this service."
            raise PermissionDenied(message, code="auth.missing_role")
        services.update_gallery(gallery=gallery, changes=given.validated_data)
        return Response(narrowing.written(request, GallerySerializer(gallery).data, ["name", *given.initial_data]))

    @extend_schema(parameters=[KIND], responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete an empty gallery. 409 if it contains people, and for default galleries."""
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, instance: Gallery) -> None:
        services.delete_gallery(gallery=instance)


@extend_schema_view(list=extend_schema(description="List the moves of galleries to another space, the latest first."))
class RespaceViewSet(mixins.ListModelMixin, GenericViewSet[Respace]):
    """Moves of this client's galleries to another space, the latest first. The administrator makes them."""

    queryset = Respace.objects.none()
    serializer_class = RespaceSerializer
    pagination_class = StrictPagination
    filter_backends = []
    scope_read = Scope.PEOPLE_READ

    def get_queryset(self) -> RespaceQuerySet:
        return Respace.objects.of_client(client_of(self.request)).moves().select_related("client").order_by("-number")


class CompareViewSet(GenericViewSet[Person]):
    """Compare faces of images with each other. Nothing is stored."""

    takes_images = frozenset({"create"})
    queryset = Person.objects.none()
    serializer_class = CompareInput
    pagination_class = None
    filter_backends = []
    parser_classes = PARSERS
    scope_write = Scope.PEOPLE_MATCH

    @extend_schema(request=CompareInput, responses={200: ComparisonsSerializer}, filters=False)
    def create(self, request: Request) -> Response:
        """Compare one image with others.

        The largest face of `image` with the largest of each of `images`, of which a bad one fails alone.
        """
        given = read_input(self, CompareInput)
        images = given.validated_data["images"]
        if len(images) > settings.MAX_BATCH_IMAGES:
            raise TooManyImages(f"At most {settings.MAX_BATCH_IMAGES} images are taken in one call. Send several.")
        compared = services.compare_faces(
            client=client_of(request),
            first=upload_of(given.validated_data["image"]).data,
            others=read_all(images),
            threshold=given.distance,
            proof=given.proof,
        )
        return Response(ComparisonsSerializer(compared).data)
