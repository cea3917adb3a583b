"""What the gallery's endpoints take and return."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from calibration.types import Comparison
from people.models import Gallery, Person, ReferenceImage
from people.types import (
    Candidate,
    Enrolment,
    EnrolmentRules,
    FaceComparisons,
    Gate,
    Probe,
    Proof,
    Receipt,
    Refusal,
    Remark,
    Search,
    SearchedFace,
    SearchOptions,
    Whom,
)
from rest.fields import FILE_LIST, DistanceField, FiniteField, ImageField, upload_of
from vision.types import Box, Upload

ONE_FILE = {**FILE_LIST, "single": True}
ON_EXISTING = ["refuse", "add", "replace"]
OBJECT = extend_schema_field({"type": "object", "additionalProperties": True})
OF_SESSION = "Of a liveness session about this person and purpose; used up by this call."
SOURCE = "The name of a gallery of people; empty: the default one."


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


class PersonPatch(serializers.Serializer[Any]):
    """Only what is to change."""

    external_id = serializers.CharField(
        max_length=512, required=False, allow_blank=True, allow_null=True, trim_whitespace=False
    )
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    source: Any = serializers.CharField(
        max_length=100, required=False, allow_blank=True, trim_whitespace=False, help_text=SOURCE
    )
    metadata = MetadataField(required=False)


class TokenInput(serializers.Serializer[Any]):
    """The token of a liveness session, if the call needs one."""

    liveness_token = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text=OF_SESSION)

    @property
    def token(self) -> str:
        return str(self.validated_data.get("liveness_token", ""))

    @property
    def proof(self) -> Proof | None:
        return Proof(token=self.token) if self.token else None


class NewImage(TokenInput):
    """A photograph of a person, and how it is judged."""

    image = ImageField(style=ONE_FILE, help_text="A file part, or base64 or a data URL as text.")
    replace = serializers.BooleanField(default=False, help_text="Replace all earlier photographs.")
    quality_gate: Any = serializers.ChoiceField(
        [gate.value for gate in Gate], required=False, help_text="Default: the deployment's."
    )
    face_choice: Any = serializers.ChoiceField(["only", "largest"], default="only")

    @property
    def upload(self) -> Upload:
        return upload_of(self.validated_data["image"])

    @property
    def rules(self) -> EnrolmentRules:
        data, gate = self.validated_data, self.validated_data.get("quality_gate")
        existing = data.get("on_existing")
        return EnrolmentRules(
            replace=data.get("replace", False) or existing == "replace",
            only_new=existing == "refuse",
            gate=Gate(gate) if gate else None,
            face_choice=data["face_choice"],
        )


class NewPerson(PersonPatch, NewImage):
    """A person, with a photograph or without one for now."""

    image = ImageField(required=False, style=ONE_FILE, help_text="A file part, or base64 or a data URL as text.")
    replace = None  # type: ignore[assignment]  # `on_existing` says it
    on_existing: Any = serializers.ChoiceField(
        ON_EXISTING,
        default="refuse",
        help_text="If the external id is taken: refuse, add the photograph, or replace the earlier ones.",
    )
    quality_gate: Any = serializers.ChoiceField([gate.value for gate in Gate], required=False)

    @property
    def whom(self) -> Whom:
        names = ("external_id", "source", "name", "metadata")
        return Whom(**{name: self.validated_data[name] for name in names if name in self.validated_data})


class SearchInput(serializers.Serializer[Any]):
    """The faces to search for: in an image, or an embedding for keys with that scope."""

    image = ImageField(required=False, style=ONE_FILE)
    embedding: Any = serializers.ListField(
        child=DistanceField(), required=False, max_length=5000, help_text="Needs the scope `embeddings`."
    )
    sources: Any = serializers.ListField(
        child=serializers.CharField(max_length=100, allow_blank=True, trim_whitespace=False),
        required=False,
        max_length=100,
        help_text="Only these galleries, by name; empty for the default one. Absent: all of them.",
    )
    faces: Any = serializers.ChoiceField(["all", "largest"], default="all")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=10)
    threshold = DistanceField(
        required=False,
        allow_null=True,
        min_value=0,
        help_text="A distance; 0 or absent: the gallery's or client's own.",
    )
    return_embeddings = serializers.BooleanField(default=False, help_text="Needs the scope `embeddings`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("image" in attrs) == bool(attrs.get("embedding")):
            raise serializers.ValidationError({"image": ["Either an image or an embedding is required."]})
        return attrs

    @property
    def needs_embeddings(self) -> bool:
        """Whether the call sends or asks for embeddings."""
        return bool(self.validated_data.get("embedding") or self.validated_data["return_embeddings"])

    @property
    def probe(self) -> Probe:
        if "image" in self.validated_data:
            return Probe(data=upload_of(self.validated_data["image"]).data)
        return Probe(embeddings=[self.validated_data["embedding"]])

    @property
    def options(self) -> SearchOptions:
        data = self.validated_data
        return SearchOptions(data.get("sources"), data["faces"], data["limit"], data.get("threshold") or None)


class VerifyInput(TokenInput):
    """The image whose largest face is compared."""

    image = ImageField(style=ONE_FILE)
    threshold = DistanceField(required=False, allow_null=True, min_value=0)

    @property
    def distance(self) -> float | None:
        """The threshold that the caller chose."""
        return self.validated_data.get("threshold") or None


class CompareInput(VerifyInput):
    """One image against one or more others."""

    images: Any = serializers.ListField(child=ImageField(), allow_empty=False, style=FILE_LIST)
    liveness_subject = serializers.CharField(
        required=False, max_length=255, trim_whitespace=False, help_text="The subject of the token's session."
    )

    @property
    def proof(self) -> Proof | None:
        subject = self.validated_data.get("liveness_subject", "")
        return Proof(token=self.token, subject=subject) if self.token else None


class GalleryPatch(serializers.Serializer[Any]):
    """Only what is to change."""

    name = serializers.CharField(min_length=1, max_length=100, required=False, trim_whitespace=False)
    threshold = DistanceField(
        required=False, allow_null=True, help_text="A distance above 0; null: the client's threshold for the space."
    )


# ---- what goes out ----------------------------------------------------------------------------------------------
class BoxSerializer(serializers.Serializer[Box]):
    """Pixels of the upright image."""

    x = serializers.IntegerField()
    y = serializers.IntegerField()
    w = serializers.IntegerField()
    h = serializers.IntegerField()


class GallerySerializer(serializers.ModelSerializer[Gallery]):
    """A set of people that is searched together. Calls about people refer to it by its name, as `source`."""

    people = serializers.IntegerField(source="people_count", help_text="How many people are in it.")
    space = serializers.CharField(help_text="The space that decides; empty: the deployment's default.")
    threshold = FiniteField(allow_null=True, help_text="The gallery's own; null: the client's for the space.")

    class Meta:
        model = Gallery
        fields = ["name", "kind", "is_default", "people", "space", "threshold", "created_at"]


class PhotographSerializer(serializers.ModelSerializer[ReferenceImage]):
    """A stored photograph: where its face is and how good it is.

    Subclasses say where the file is; a face that is known by its embedding alone has none.
    """

    id = serializers.IntegerField(source="number", read_only=True)
    file = serializers.CharField(source="file_name", read_only=True)
    url = serializers.SerializerMethodField()
    route = ""

    class Meta:
        model = ReferenceImage
        fields = [
            "id", "uuid", "file", "original_name", "url", "width", "height", "box_x", "box_y", "box_w", "box_h",
            "confidence", "quality", "created_at",
        ]  # fmt: skip

    def get_url(self, image: ReferenceImage) -> str | None:
        if not image.image:
            return None
        path = {"pk": image.person.number, "image_id": image.number}
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

    id = serializers.IntegerField(source="number", read_only=True)
    source: Any = serializers.CharField(source="gallery.name", read_only=True)
    image_count = serializers.SerializerMethodField()
    primary_image = serializers.SerializerMethodField()
    metadata = MetadataField()

    class Meta:
        model = Person
        fields = [
            "id", "uuid", "external_id", "name", "source", "metadata", "created_at", "image_count", "primary_image",
        ]  # fmt: skip

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
    """A person who may be the one on the image."""

    person_id = serializers.IntegerField(source="person.number")
    person_uuid = serializers.UUIDField(source="person.uuid")
    external_id = serializers.CharField(source="person.external_id", allow_null=True)
    name = serializers.CharField(source="person.name")
    source: Any = serializers.CharField(source="person.gallery.name")
    reference_image_id = serializers.IntegerField(source="reference_image.number")
    comparison = ComparisonSerializer()


class RemarkSerializer(serializers.Serializer[Remark]):
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
    """A person, and what was enrolled from the photograph."""

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


class SearchSerializer(serializers.Serializer[Search]):
    """One item per face, or one for an embedding."""

    space = serializers.CharField()
    metric = serializers.CharField()
    threshold = FiniteField()
    faces: Any = SearchedFaceSerializer(many=True)


class ErrorSerializer(serializers.Serializer[Refusal]):
    """Why one image of several could not be used."""

    code = serializers.CharField()
    message = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    """One of several images: its comparison, or why there is none."""

    comparison: Any = ComparisonSerializer(allow_null=True)
    error: Any = ErrorSerializer(allow_null=True)


class ComparisonsSerializer(serializers.Serializer[FaceComparisons]):
    """One result per image, in their order."""

    space = serializers.CharField()
    metric = serializers.CharField()
    threshold = FiniteField()
    results = serializers.SerializerMethodField()

    @extend_schema_field(ResultSerializer(many=True))
    def get_results(self, compared: FaceComparisons) -> Any:
        pairs = [
            {"comparison": item, "error": None} if isinstance(item, Comparison) else {"comparison": None, "error": item}
            for item in compared.results
        ]
        return ResultSerializer(pairs, many=True).data


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """What an erasure removed, in numbers."""

    id = serializers.UUIDField()
    erased_at = serializers.DateTimeField()
    people = serializers.IntegerField()
    images = serializers.IntegerField()
    templates = serializers.IntegerField()
    files = serializers.IntegerField()
    rows = serializers.IntegerField()
    digest = serializers.CharField()
