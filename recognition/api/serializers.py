"""What screening's endpoints take and return. The result shapes are those of the older service, plus a few keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from calibration.types import Decision
from clients.authentication import client_of
from recognition.api.combined import combined
from recognition.models import STATES, Job, Match, ProcessedFace, ProcessedImage
from recognition.services import screening_options
from recognition.types import ReviewState, ScreeningOptions
from rest.examples import PHOTOGRAPH, example
from rest.fields import FILE_LIST, DistanceField, FiniteField, ImageField, RateField, TextOrNull
from vision.types import DetectedFace
from work.api.serializers import ImageList

IGNORED = "What the request named and this deployment does not use (model_name, distance_metric, threshold)."
LOCAL = "%Y-%m-%dT%H:%M:%S.%f"  # without zone, as the older service wrote it; always UTC


@example(image=PHOTOGRAPH)
class DetectInput(serializers.Serializer):  # type: ignore[type-arg]
    """One image, as text or as a file part."""

    image = ImageField(style={**FILE_LIST, "single": True})
    detector_backend = serializers.CharField(required=False, allow_null=True, allow_blank=True)


@example(images=[PHOTOGRAPH])
class ProcessInput(ImageList):
    """Images to screen, and optionally how."""

    detector_backend = serializers.CharField(required=False, allow_null=True, allow_blank=True)
    model_name = serializers.CharField(required=False, allow_null=True, allow_blank=True)
    distance_metric = serializers.CharField(required=False, allow_null=True, allow_blank=True)
    threshold = DistanceField(
        required=False, allow_null=True, min_value=0, help_text="A distance; 0 or absent: the gallery's or client's."
    )

    def options(self) -> ScreeningOptions:
        data = self.validated_data
        return screening_options(
            client=client_of(self.context["request"]),
            model=data.get("model_name") or None,
            detector=data.get("detector_backend") or None,
            metric=data.get("distance_metric") or None,
            threshold=data.get("threshold"),
        )


class FacialAreaSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A box and five points in whole pixels. Left and right are the person's own."""

    x = serializers.IntegerField()
    y = serializers.IntegerField()
    w = serializers.IntegerField()
    h = serializers.IntegerField()
    left_eye: Any = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    right_eye: Any = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    nose: Any = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    mouth_left: Any = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    mouth_right: Any = serializers.ListField(child=serializers.IntegerField(), allow_null=True)


POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


def whole_pixels(point: Sequence[float] | None) -> list[int] | None:
    """Programs draw with them as they are."""
    return None if point is None else [round(value) for value in point]


class DetectionSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A detected face."""

    facial_area = FacialAreaSerializer()
    confidence = serializers.FloatField()
    quality = serializers.JSONField(
        help_text="Size, sharpness, brightness, yaw, roll, and how recognisable the face is (recognisability, 0 to 1, "
        "and recognisability_reason)."
    )
    liveness = serializers.FloatField(allow_null=True)
    attributes = serializers.JSONField(
        required=False, help_text="age, gender and gender_confidence, if FACEAPP_AGE_AND_GENDER is on; guesses."
    )
    turn = serializers.IntegerField(
        required=False,
        help_text="By how many degrees (0, 90, 180 or 270) to turn the image clockwise to put the face upright.",
    )

    def to_representation(self, face: DetectedFace) -> dict[str, Any]:
        box, points = face.box, face.landmarks
        area: dict[str, Any] = {"x": box.x, "y": box.y, "w": box.w, "h": box.h}
        area |= {name: whole_pixels(getattr(points, name)) for name in POINTS}
        quality = vars(face.quality) if face.quality else {}
        guesses = {"attributes": vars(face.attributes)} if face.attributes else {}
        return guesses | {
            "facial_area": area, "confidence": face.confidence, "quality": quality, "liveness": face.liveness,
            "turn": face.turn,
        }  # fmt: skip


class MatchSerializer(serializers.ModelSerializer[Match]):
    """A blacklist entry within the threshold of a face."""

    entry_id = serializers.IntegerField(source="entry.number")
    entry_name = serializers.CharField(source="entry.name")
    target_x = serializers.IntegerField(source="reference_image.box_x", default=None, allow_null=True)
    target_y = serializers.IntegerField(source="reference_image.box_y", default=None, allow_null=True)
    target_w = serializers.IntegerField(source="reference_image.box_w", default=None, allow_null=True)
    target_h = serializers.IntegerField(source="reference_image.box_h", default=None, allow_null=True)
    source_x = serializers.IntegerField(source="face.box_x")
    source_y = serializers.IntegerField(source="face.box_y")
    source_w = serializers.IntegerField(source="face.box_w")
    source_h = serializers.IntegerField(source="face.box_h")
    aws_similarity = serializers.FloatField(default=None, allow_null=True, read_only=True)
    aws_face_id = serializers.CharField(default=None, allow_null=True, read_only=True)
    detector_backend = serializers.CharField(source="detector")
    similarity_metric = serializers.CharField(source="metric")
    review_state = serializers.ChoiceField(
        source="state", choices=ReviewState.choices, help_text="What people have made of the hit, in the console."
    )

    class Meta:
        model = Match
        fields = [
            "identity", "entry_id", "entry_name", "target_x", "target_y", "target_w", "target_h",
            "source_x", "source_y", "source_w", "source_h", "threshold", "distance",
            "aws_similarity", "aws_face_id", "model", "detector_backend", "similarity_metric", "review_state",
            "decided_at",
        ]  # fmt: skip


class FaceSerializer(serializers.ModelSerializer[ProcessedFace]):
    """A face of a processed image, and what was decided about it. Entries are closest first.

    `review_matches` are near enough that somebody should look, if the deployment wants that.
    """

    face_index = serializers.IntegerField(source="index")
    facial_area = serializers.SerializerMethodField()
    decision: Any = serializers.ChoiceField([decision.value for decision in Decision])
    blacklist_matches = MatchSerializer(many=True)
    review_matches = MatchSerializer(source="reviews", many=True)

    class Meta:
        model = ProcessedFace
        fields = [
            "face_index", "facial_area", "confidence", "quality", "liveness", "decision", "blacklist_matches",
            "review_matches",
        ]  # fmt: skip

    @extend_schema_field(FacialAreaSerializer)
    def get_facial_area(self, face: ProcessedFace) -> dict[str, Any]:
        area: dict[str, Any] = {"x": face.box_x, "y": face.box_y, "w": face.box_w, "h": face.box_h}
        return area | {name: whole_pixels(face.landmarks.get(name)) for name in POINTS}


class ImageResultSerializer(serializers.ModelSerializer[ProcessedImage]):
    """The outcome for one image. `saved_image_path` is a logical name in the store, not a path on the server."""

    image_path_or_identifier = serializers.CharField(source="identifier")
    status = serializers.ChoiceField(choices=STATES)
    faces = FaceSerializer(many=True)
    error = TextOrNull()
    error_code = TextOrNull()
    db_id = serializers.IntegerField(source="number")
    job_id = serializers.UUIDField()
    saved_image_path = TextOrNull(source="image.name")
    cropped_face_path = TextOrNull(source="image.name")
    image_url = serializers.SerializerMethodField()
    processing_timestamp = serializers.DateTimeField(source="finished_at", format=LOCAL)
    has_blacklist_match = serializers.SerializerMethodField()
    threshold = FiniteField(allow_null=True, help_text="The largest distance that counted as a match.")
    false_match_rate = RateField(
        allow_null=True, help_text="Share of strangers' pairs within the threshold; null: not known for this space."
    )
    false_alarm_rate = RateField(
        allow_null=True, help_text="Expected share of strangers who match any of the entries; null: not known."
    )
    people = serializers.IntegerField(allow_null=True, help_text="How many entries were searched.")
    ignored = serializers.JSONField(source="job.ignored", read_only=True, help_text=IGNORED)

    class Meta:
        model = ProcessedImage
        fields = [
            "image_path_or_identifier", "status", "faces", "error", "error_code", "db_id", "uuid", "job_id",
            "saved_image_path",
            "image_url", "processing_timestamp", "milliseconds", "has_blacklist_match", "cropped_face_path",
            "threshold", "false_match_rate", "false_alarm_rate", "people", "ignored",
        ]  # fmt: skip

    def to_representation(self, image: ProcessedImage) -> dict[str, Any]:
        result: dict[str, Any] = super().to_representation(image)
        return combined(image, result) if settings.AWS_RESULTS else result

    def get_image_url(self, image: ProcessedImage) -> str | None:
        if not image.image:
            return None
        return str(reverse("processed-image-image", kwargs={"pk": image.number}, request=self.context.get("request")))

    def get_has_blacklist_match(self, image: ProcessedImage) -> bool:
        return any(face.blacklist_matches for face in image.faces.all())


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job with its progress: `done` of `total` images are finished, `failed` of them with an error."""

    status = serializers.CharField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    url = serializers.SerializerMethodField()
    results_url = serializers.SerializerMethodField()
    ignored = serializers.JSONField(read_only=True, help_text=IGNORED)

    class Meta:
        model = Job
        fields = [
            "id", "status", "total", "done", "failed", "detector", "metric", "threshold", "ignored", "created_at",
            "cancelled_at", "url", "results_url",
        ]  # fmt: skip

    def get_url(self, job: Job) -> str:
        return str(reverse("job-detail", kwargs={"pk": job.pk}, request=self.context.get("request")))

    def get_results_url(self, job: Job) -> str:
        return str(reverse("job-results", kwargs={"pk": job.pk}, request=self.context.get("request")))
