"""`/api/v1/detect`, `/process`, `/jobs` and `/processed-images`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from audit.types import Action
from clients.api.idempotency import IdempotentView
from clients.api.reads import RecordsReads
from clients.authentication import client_of
from clients.models import Scope
from clients.numbering import public_id, record_rows
from recognition import services
from recognition.api.filters import ProcessedImageFilter
from recognition.api.serializers import (
    DetectInput,
    DetectionSerializer,
    ImageResultSerializer,
    JobSerializer,
    ProcessInput,
)
from recognition.exceptions import RecordNotFound
from recognition.models import Job, ProcessedImage
from rest.input import read_input
from rest.multipart import MultiPartParser
from rest.pagination import StrictPagination
from rest.parameters import path_id, wants_async
from rest.parsers import FormParser, JSONParser
from storage.responses import XMP, image_response, sidecar_response
from work.submissions import read_submission

ASYNC_PARAMETERS = [
    OpenApiParameter("async", bool, description="Answer 202 with a job instead of waiting."),
    OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="`respond-async` does the same (RFC 7240)."),
]


def engine_timing(milliseconds: float) -> dict[str, str]:
    """What of the answer's time the engine took in the workers, as `Server-Timing` (W3C)."""
    return {"Server-Timing": f"engine;dur={milliseconds:.1f}"}


class DetectionViewSet(GenericViewSet[ProcessedImage]):
    """Find faces. Nothing is stored."""

    takes_images = frozenset({"detect_face"})
    queryset = ProcessedImage.objects.none()
    serializer_class = DetectInput
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scope_write = Scope.DETECT

    @extend_schema(request=DetectInput, responses=DetectionSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], url_path="detect-face", pagination_class=None, filter_backends=[])
    def detect_face(self, request: Request) -> Response:
        """Detect the faces of an image. They are listed from left to right; the list may be empty."""
        given = read_input(self, DetectInput).validated_data
        detector, submission = given.get("detector_backend") or None, read_submission(given["image"])
        analysis = services.detect_faces(submission=submission, detector=detector)
        faces = DetectionSerializer(analysis.faces, many=True).data
        return Response(faces, headers=engine_timing(analysis.milliseconds))


class ProcessViewSet(IdempotentView, GenericViewSet[ProcessedImage]):
    """Screen images against the blacklist."""

    takes_images = frozenset({"process_images"})
    queryset = ProcessedImage.objects.none()
    serializer_class = ProcessInput
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scope_write = Scope.SCREEN

    @extend_schema(
        request=ProcessInput,
        parameters=ASYNC_PARAMETERS,
        responses={200: ImageResultSerializer(many=True), 202: JobSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="process-images", pagination_class=None, filter_backends=[])
    def process_images(self, request: Request) -> Response:
        """Screen images against the blacklist.

        One result per image, in order. After a deadline the answer is 202 with the job, which goes on.
        """
        given = read_input(self, ProcessInput)
        options, submissions = given.options(), given.submissions()
        client, is_async, done = client_of(request), wants_async(request), False
        if is_async:
            job = services.submit_images(client=client, submissions=submissions, options=options)
        else:
            job, done = services.screen_images(
                client=client, submissions=submissions, options=options, seconds=settings.FACEAPP_WAIT_SECONDS
            )
        if not done:
            return self._accepted(Job.objects.with_progress().get(pk=job.pk), is_async=is_async)
        images = job.images.with_results().order_by("position")
        results = ImageResultSerializer(images, many=True, context=self.get_serializer_context()).data
        return Response(results, headers=engine_timing(sum(result["milliseconds"] or 0 for result in results)))

    def answer_with_job(self, job: UUID) -> Response | None:
        found = Job.objects.of_client(client_of(self.request)).with_progress().filter(pk=job).first()
        return self._accepted(found) if found else None

    def _accepted(self, job: Job, *, is_async: bool = False) -> Response:
        body = JobSerializer(job, context=self.get_serializer_context()).data
        headers = {"Location": body["url"], "Retry-After": "1"}
        headers |= {"Preference-Applied": "respond-async"} if is_async else {}
        return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


@extend_schema_view(
    list=extend_schema(description="List jobs, newest first."),
    retrieve=extend_schema(description="Return the status and progress of a job."),
)
class JobViewSet(IdempotentView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Job]):
    """Jobs of this client, newest first."""

    queryset = Job.objects.none()
    serializer_class = JobSerializer
    pagination_class = StrictPagination
    filter_backends = []
    scope_read = scope_write = Scope.SCREEN

    def get_queryset(self) -> Any:
        return Job.objects.of_client(client_of(self.request)).with_progress()

    def get_object(self) -> Job:
        """404 for an unknown job, for another client's, and for what is not a job id at all."""
        try:
            job: Job = self.get_queryset().get(pk=UUID(self.kwargs["pk"]))
        except (ValueError, Job.DoesNotExist) as error:
            raise RecordNotFound("Job not found") from error
        return job

    @extend_schema(responses=ImageResultSerializer(many=True))
    @action(detail=True, methods=["get"])
    def results(self, request: Request, pk: str) -> Response:
        """List the results of a job. Its images in their order, each with its result as soon as it is finished."""
        page = self.paginate_queryset(self.get_object().images.with_results().order_by("position"))
        record_rows(Action.VIEW, page or [], results=len(page or []))
        results = ImageResultSerializer(page, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(results.data)

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a job. Images that are not finished are dropped; existing results stay."""
        services.cancel_job(job=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)


@extend_schema_view(
    list=extend_schema(description="List screened images, newest first."),
    retrieve=extend_schema(description="Return one screened image."),
    destroy=extend_schema(description="Erase a screened image with its file, faces and matches."),
)
class ProcessedImageViewSet(
    RecordsReads,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[ProcessedImage],
):
    """Screened images of this client, newest first."""

    queryset = ProcessedImage.objects.none()
    lookup_value_regex = "[^/]+"
    serializer_class = ImageResultSerializer
    pagination_class = StrictPagination
    filterset_class = ProcessedImageFilter
    scope_read = scope_write = Scope.SCREEN

    def get_queryset(self) -> Any:
        return ProcessedImage.objects.of_client(client_of(self.request)).finished().with_results()

    def get_object(self) -> ProcessedImage:
        image: ProcessedImage | None = self.get_queryset().filter(public_id(path_id(self.kwargs["pk"]))).first()
        if image is None:
            raise RecordNotFound("Processed image not found")
        return image

    def perform_destroy(self, instance: ProcessedImage) -> None:
        services.delete_images(images_to_delete=[instance])

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path="image", url_name="image")
    def image(self, request: Request, pk: str) -> FileResponse:
        """Return the file of a screened image. Exactly as it was sent."""
        return image_response(self.get_object().image)

    @extend_schema(responses={(200, XMP): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path="sidecar", url_name="sidecar", pagination_class=None)
    def sidecar(self, request: Request, pk: str) -> HttpResponse:
        """Return an XMP sidecar for the file of a screened image. Its regions mark the faces.

        Those with a hit have the name of the nearest entry, unless the hit has been dismissed.
        """
        image = self.get_object()
        return sidecar_response(image.image, image.named_faces)
