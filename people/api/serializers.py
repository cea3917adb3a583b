"""What the gallery's endpoints take and return."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from calibration.types import Comparison
from people.models import Person, ReferenceImage
from people.types import Candidate, Enrolment, Gate, SearchedFace
from rest.fields import FILE_LIST, DistanceField, FiniteField, ImageField
from vision.types import Box

ONE_FILE = {**FILE_LIST, "single": True}
ON_EXISTING = ["refuse", "add", "replace"]
OBJECT = extend_schema_field({"type": "object", "additionalProperties": True})


OF_SESSION = "Of a liveness session about this person and purpose; used up by this call."


# ---- what comes in ----------------------------------------------------------------------------------------------
@OBJECT
class MetadataField(serializers.JSONField):
    """A JSON object; in a form, its text."""

    default_error_messages = {"object": "A JSON object is required."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            self.fail("object")
        return dict(value)


class PersonPatch(serializers.Serializer):  # type: ignore[type-arg]
    """Only what is to change."""

    external_id = serializers.CharField(
        max_length=512, required=False, allow_blank=True, allow_null=True, trim_whitespace=False
    )
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    source: Any = serializers.CharField(max_length=100, required=False, allow_blank=True, trim_whitespace=False)
    metadata = MetadataField(required=False)


class NewImage(serializers.Serializer):  # type: ignore[type-arg]
    """A photograph for a person, and how it is judged."""

    image = ImageField(style=ONE_FILE, help_text="A file part, or base64 or a data URL as text.")
    replace = serializers.BooleanField(default=False, help_text="In the place of all earlier photographs.")
    quality_gate: Any = serializers.ChoiceField(
        [gate.value for gate in Gate], required=False, help_text="Default: the deployment's."
    )
    face_choice: Any = serializers.ChoiceField(["only", "largest"], default="only")
    liveness_token = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text=OF_SESSION)


class NewPerson(PersonPatch):
    """A person, with a photograph or for the time being without."""

    image = ImageField(required=False, style=ONE_FILE, help_text="A file part, or base64 or a data URL as text.")
    on_existing: Any = serializers.ChoiceField(
        ON_EXISTING,
        default="refuse",
        help_text="When the external id is taken: refuse, or put the photograph beside or in the place of the others.",
    )
    quality_gate: Any = serializers.ChoiceField([gate.value for gate in Gate], required=False)
    face_choice: Any = serializers.ChoiceField(["only", "largest"], default="only")
    liveness_token = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text=OF_SESSION)


class SearchInput(serializers.Serializer):  # type: ignore[type-arg]
    """Whom to look for: an image, or an embedding for keys with that scope."""

    image = ImageField(required=False, style=ONE_FILE)
    embedding: Any = serializers.ListField(
        child=DistanceField(), required=False, max_length=5000, help_text="Needs the scope `embeddings`."
    )
    sources: Any = serializers.ListField(
        child=serializers.CharField(max_length=100, allow_blank=True, trim_whitespace=False),
        required=False,
        max_length=100,
        help_text="Only these sub-galleries.",
    )
    faces: Any = serializers.ChoiceField(["all", "largest"], default="all")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=10)
    threshold = DistanceField(
        required=False, allow_null=True, min_value=0, help_text="A distance; 0 or absent: the client's own."
    )
    return_embeddings = serializers.BooleanField(default=False, help_text="Needs the scope `embeddings`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("image" in attrs) == bool(attrs.get("embedding")):
            raise serializers.ValidationError({"image": ["Either an image or an embedding is required."]})
        return attrs


class VerifyInput(serializers.Serializer):  # type: ignore[type-arg]
    """The image whose largest face is compared."""

    image = ImageField(style=ONE_FILE)
    threshold = DistanceField(required=False, allow_null=True, min_value=0)
    liveness_token = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text=OF_SESSION)


class CompareInput(VerifyInput):
    """One image against one or more others."""

    images: Any = serializers.ListField(child=ImageField(), allow_empty=False, style=FILE_LIST)
    liveness_subject = serializers.CharField(
        required=False, max_length=255, trim_whitespace=False, help_text="Whom the token's session was about."
    )


# ---- what goes out ----------------------------------------------------------------------------------------------
class BoxSerializer(serializers.Serializer[Box]):
    """Pixels of the upright image."""

    x = serializers.IntegerField()
    y = serializers.IntegerField()
    w = serializers.IntegerField()
    h = serializers.IntegerField()


class PhotographSerializer(serializers.ModelSerializer[ReferenceImage]):
    """A stored photograph: where its face is and how good it is. Subclasses say where the file is; a face that is known
    by its embedding alone has none."""

    file = serializers.CharField(source="file_name", read_only=True)
    url = serializers.SerializerMethodField()
    route = ""

    class Meta:
        model = ReferenceImage
        fields = [
            "id", "file", "original_name", "url", "width", "height", "box_x", "box_y", "box_w", "box_h",
            "confidence", "quality", "created_at",
        ]  # fmt: skip

    def get_url(self, image: ReferenceImage) -> str | None:
        if not image.image:
            return None
        path = {"pk": image.person_id, "image_id": image.pk}
        return str(reverse(self.route, kwargs=path, request=self.context.get("request")))


class PersonImageSerializer(PhotographSerializer):
    """A photograph of a person. `embeddings` only where the call asked for them and may have them."""

    route = "people-image"
    embeddings = serializers.SerializerMethodField()

    class Meta(PhotographSerializer.Meta):
        fields = [*PhotographSerializer.Meta.fields, "is_primary", "embeddings"]

    def get_embeddings(self, image: ReferenceImage) -> dict[str, list[float]] | None:
        """By the name of the space."""
        if not self.context.get("embeddings"):
            return None
        return {template.space: [float(x) for x in template.embedding] for template in image.face_templates.all()}


class PersonSerializer(serializers.ModelSerializer[Person]):
    """A person. `primary_image` is the chosen photograph, or the first one."""

    image_count = serializers.SerializerMethodField()
    primary_image = serializers.SerializerMethodField()
    metadata = MetadataField()

    class Meta:
        model = Person
        fields = ["id", "external_id", "name", "source", "metadata", "created_at", "image_count", "primary_image"]

    def get_image_count(self, person: Person) -> int:
        return len(person.reference_images.all())

    @extend_schema_field(PersonImageSerializer(allow_null=True))
    def get_primary_image(self, person: Person) -> dict[str, Any] | None:
        images = sorted(person.reference_images.all(), key=lambda image: (not image.is_primary, image.pk))
        return PersonImageSerializer(images[0], context=self.context).data if images else None


class ComparisonSerializer(serializers.Serializer[Comparison]):
    """How alike two faces are; the scale is explained in docs/people.md."""

    distance = FiniteField(allow_null=True)
    similarity = FiniteField(help_text="0 to 1; 0.7 at the threshold.")
    threshold = FiniteField(help_text="The largest distance that counts as the same person.")
    decision = serializers.SerializerMethodField()
    margin = FiniteField(allow_null=True, help_text="Similarity above the best other candidate's; null without one.")

    @extend_schema_field({"type": "string", "enum": ["match", "no_match"]})
    def get_decision(self, comparison: Comparison) -> str:
        return "match" if comparison.matches else "no_match"


class CandidateSerializer(serializers.Serializer[Candidate]):
    """A person of the gallery beside a face."""

    person_id = serializers.IntegerField(source="person.pk")
    external_id = serializers.CharField(source="person.external_id", allow_null=True)
    name = serializers.CharField(source="person.name")
    source: Any = serializers.CharField(source="person.source")
    reference_image_id = serializers.IntegerField(source="reference_image.pk")
    comparison = ComparisonSerializer()


class RemarkSerializer(serializers.Serializer[Any]):
    """What could be better about a face."""

    code = serializers.CharField()
    message = serializers.CharField()


class EnrolmentSerializer(serializers.Serializer[Enrolment]):
    """What was enrolled. `remarks`: what a strict gate would refuse; `duplicates`: other people with this face."""

    image = PersonImageSerializer(source="reference_image")
    box = BoxSerializer(source="portrait.face.box")
    quality = serializers.SerializerMethodField()
    remarks = RemarkSerializer(many=True)
    duplicates = CandidateSerializer(many=True)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_quality(self, enrolment: Enrolment) -> dict[str, Any]:
        return dict(enrolment.reference_image.quality)


class EnrolledPersonSerializer(PersonSerializer):
    """A person, and what was enrolled of the photograph that came along."""

    enrolment = EnrolmentSerializer(allow_null=True, read_only=True)

    class Meta(PersonSerializer.Meta):
        fields = [*PersonSerializer.Meta.fields, "enrolment"]


class SearchedFaceSerializer(serializers.Serializer[SearchedFace]):
    """One face, and the people nearest to it, whether they match or not."""

    box = BoxSerializer(allow_null=True)
    candidates = CandidateSerializer(many=True)
    embedding = serializers.SerializerMethodField()

    def get_embedding(self, face: SearchedFace) -> list[float] | None:
        space: str = self.context.get("embeddings") or ""
        return [float(x) for x in face.face.embeddings[space]] if space and face.face else None


class SearchSerializer(serializers.Serializer[Any]):
    """One item per face, or one for an embedding."""

    space = serializers.CharField()
    metric = serializers.CharField()
    threshold = FiniteField()
    faces: Any = SearchedFaceSerializer(many=True)


class ErrorSerializer(serializers.Serializer[Any]):
    """Why one image of several could not be used."""

    code = serializers.CharField()
    message = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    """One of several images: its comparison, or why there is none."""

    comparison: Any = ComparisonSerializer(allow_null=True)
    error: Any = ErrorSerializer(allow_null=True)


class ComparisonsSerializer(serializers.Serializer[Any]):
    """One result per image, in their order."""

    space = serializers.CharField()
    metric = serializers.CharField()
    threshold = FiniteField()
    results = serializers.SerializerMethodField()

    @extend_schema_field(ResultSerializer(many=True))
    def get_results(self, compared: Any) -> Any:
        pairs = [
            {"comparison": item, "error": None} if isinstance(item, Comparison) else {"comparison": None, "error": item}
            for item in compared.results
        ]
        return ResultSerializer(pairs, many=True).data


class ReceiptSerializer(serializers.Serializer[Any]):
    """What an erasure removed, in numbers."""

    id = serializers.UUIDField()
    erased_at = serializers.DateTimeField()
    people = serializers.IntegerField()
    images = serializers.IntegerField()
    templates = serializers.IntegerField()
    files = serializers.IntegerField()
    rows = serializers.IntegerField()
    digest = serializers.CharField()
