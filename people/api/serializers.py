"""What the endpoints of people and galleries answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from calibration.types import Basis, Comparison, Decision
from people.api.inputs import MetadataField
from people.models import Gallery, Person, ReferenceImage, Respace, SearchIndex
from people.respacing import count_at_risk, progress_of
from people.types import TARGETS, Candidate, Enrolment, FaceComparisons, Refusal, Remark, SearchedFace
from rest.fields import FiniteField, RateField
from vectors.stored import from_store
from vision.types import Box


class BoxSerializer(serializers.Serializer[Box]):
    """Pixels of the upright image."""

    x = serializers.IntegerField()
    y = serializers.IntegerField()
    w = serializers.IntegerField()
    h = serializers.IntegerField()


class SearchIndexSerializer(serializers.ModelSerializer[SearchIndex]):
    """The approximate index of a large gallery. Searches are exact unless `is_used` is true."""

    is_used = serializers.BooleanField(help_text="Whether searches use it.")
    problem = serializers.CharField(help_text="Why it is not used; empty while it is used, or being made.")
    templates = serializers.IntegerField(help_text="Embeddings in the gallery when the recall was measured.")
    recall = FiniteField(allow_null=True, help_text="Of the people within the threshold, those that it finds: 0 to 1.")
    recall_first = FiniteField(allow_null=True, help_text="The same for the nearest person.")
    recall_nearest = FiniteField(allow_null=True, help_text="The same for the ten nearest people, however far.")

    class Meta:
        model = SearchIndex
        fields = ["is_used", "problem", "space", "templates", "recall", "recall_first", "recall_nearest", "built_at"]
        read_only_fields = ["space", "built_at"]


class GallerySerializer(serializers.ModelSerializer[Gallery]):
    """A set of people that is searched together. Calls about people refer to it by its name, as `source`."""

    people = serializers.IntegerField(source="people_count", help_text="How many people are in it.")
    space = serializers.CharField(help_text="The space that decides; empty: the deployment's default.")
    backend = serializers.CharField(
        help_text="What keeps and searches the faces: deepface (this service), or a remote service, with which "
        "photographs leave this one."
    )
    threshold = FiniteField(allow_null=True, help_text="The gallery's own; null: what the targets allow.")
    search_index = SearchIndexSerializer(
        read_only=True, allow_null=True, help_text="Of a large gallery; null: searches are exact."
    )

    class Meta:
        model = Gallery
        fields = [
            "name", "kind", "is_default", "people", "space", "backend", "threshold", "two_person_review", *TARGETS,
            "search_index", "created_at",
        ]  # fmt: skip


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
    """A photograph of a person. `embeddings` only if the call asks for them and its key has the scope."""

    route = "people-image"
    embeddings = serializers.SerializerMethodField()

    class Meta(PhotographSerializer.Meta):
        fields = [*PhotographSerializer.Meta.fields, "is_primary", "embeddings"]

    def get_embeddings(self, image: ReferenceImage) -> dict[str, list[float]] | None:
        """By the name of the space."""
        if not self.context.get("embeddings"):
            return None
        return {
            one.space: [float(x) for x in from_store(one.embedding, client_id=one.client_id, space=one.space)]
            for one in image.face_templates.all()
        }


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
            "id", "uuid", "external_id", "name", "source", "metadata", "legal_basis", "created_at", "image_count",
            "primary_image",
        ]  # fmt: skip

    def get_image_count(self, person: Person) -> int:
        return len(person.reference_images.all())

    @extend_schema_field(PersonImageSerializer(allow_null=True))
    def get_primary_image(self, person: Person) -> dict[str, Any] | None:
        images = sorted(person.reference_images.all(), key=lambda image: (not image.is_primary, image.pk))
        return PersonImageSerializer(images[0], context=self.context).data if images else None


class DecidedSerializer(serializers.Serializer[Any]):
    """Where the line between one person and two lies, and which errors that means; see docs/similarity.md."""

    threshold = FiniteField(source="point.threshold", help_text="The largest distance that counts as the same person.")
    false_match_rate = RateField(
        source="point.false_match_rate",
        allow_null=True,
        help_text="Share of strangers' pairs within the threshold; null: not known for this space.",
    )
    false_alarm_rate = RateField(
        source="point.false_alarm_rate",
        allow_null=True,
        help_text="Expected share of strangers who match anybody among `people`; null: not known.",
    )
    extrapolated = serializers.BooleanField(
        source="point.extrapolated", help_text="Whether too few pairs of strangers were measured to count these rates."
    )
    basis: Any = serializers.ChoiceField(
        [basis.value for basis in Basis],
        source="point.basis",
        help_text="What the rates rest upon; remote_score: on nothing, as a remote service's score promises none.",
    )
    people = serializers.IntegerField(
        source="point.people", help_text="How many people are searched at once; 1 in a comparison."
    )


class ComparisonSerializer(DecidedSerializer):
    """How alike two faces are. A face that cannot be recognised has neither distance nor similarity."""

    distance = FiniteField(allow_null=True)
    similarity = FiniteField(
        allow_null=True,
        help_text="0 to 1; 0.7 where one pair of strangers in 10,000 is as alike, a tenth for each factor of ten.",
    )
    decision: Any = serializers.ChoiceField([decision.value for decision in Decision])
    reason = serializers.CharField(allow_null=True, help_text="Why the face is not recognisable; otherwise null.")
    margin = FiniteField(allow_null=True, help_text="Similarity above the best other candidate's; null without one.")


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
    """One face, what is decided about it, and the people nearest to it, whether they match or not.

    `comparison` is that with the nearest person, if it matches or is to be reviewed; otherwise null.
    """

    box = BoxSerializer(allow_null=True)
    decision: Any = serializers.ChoiceField([decision.value for decision in Decision])
    reason = serializers.CharField(allow_null=True, help_text="Why the face is not recognisable; otherwise null.")
    candidates = CandidateSerializer(many=True)
    comparison = serializers.SerializerMethodField()
    embedding = serializers.SerializerMethodField()

    @extend_schema_field(ComparisonSerializer(allow_null=True))
    def get_comparison(self, face: SearchedFace) -> Any:
        if face.decision not in {Decision.MATCH, Decision.REVIEW}:
            return None
        compared = (candidate.comparison for candidate in face.candidates)
        return ComparisonSerializer(next(one for one in compared if one.decision == face.decision)).data

    def get_embedding(self, face: SearchedFace) -> list[float] | None:
        space: str = self.context.get("embeddings") or ""
        return [float(x) for x in face.face.embeddings[space]] if space and face.face else None


class SearchSerializer(DecidedSerializer):
    """One item per face, or one for an embedding. Galleries with rules of their own decide by these."""

    space = serializers.CharField()
    metric = serializers.CharField()
    faces: Any = SearchedFaceSerializer(many=True)


class ErrorSerializer(serializers.Serializer[Refusal]):
    """Why one image of several could not be used."""

    code = serializers.CharField()
    message = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    """One of several images: its comparison, or why there is none."""

    comparison: Any = ComparisonSerializer(allow_null=True)
    error: Any = ErrorSerializer(allow_null=True)


class ComparisonsSerializer(DecidedSerializer):
    """One result per image, in their order."""

    space = serializers.CharField()
    metric = serializers.CharField()
    results = serializers.SerializerMethodField()

    @extend_schema_field(ResultSerializer(many=True))
    def get_results(self, compared: FaceComparisons) -> Any:
        pairs = [
            {"comparison": item, "error": None} if isinstance(item, Comparison) else {"comparison": None, "error": item}
            for item in compared.results
        ]
        return ResultSerializer(pairs, many=True).data


class ReportSerializer(serializers.Serializer[dict[str, Any]]):
    """Everything that is held about a face; see docs/erasure.md."""

    made_at = serializers.DateTimeField()
    people: Any = serializers.ListField(child=serializers.DictField(), help_text="With their photographs.")
    similar_people: Any = serializers.ListField(child=serializers.DictField(), help_text="Who may be somebody else.")
    blacklist_entries: Any = serializers.ListField(
        child=serializers.DictField(), help_text="The case of each entry among the people."
    )
    album_faces: Any = serializers.ListField(child=serializers.DictField())
    recognisers: Any = serializers.ListField(child=serializers.DictField())
    screened_faces: Any = serializers.ListField(child=serializers.DictField())
    indexed_faces: Any = serializers.ListField(
        child=serializers.DictField(), help_text="What Rekognition's API was told of photographs."
    )
    messages: Any = serializers.ListField(child=serializers.DictField(), help_text="To webhooks and by e-mail.")
    not_searched: Any = serializers.ListField(child=serializers.DictField(), help_text="What, why, and how many.")
    notes: Any = serializers.ListField(child=serializers.CharField())


class RespaceSerializer(serializers.ModelSerializer[Respace]):
    """The move of all galleries to another space (`manage.py respace`), and what the new one would decide otherwise."""

    id = serializers.IntegerField(source="number", read_only=True)
    status: Any = serializers.ChoiceField(
        ["computing", "ready", "switched", "closed"],
        help_text="Templates are computed; the old space decides; the new one decides; the move is over.",
    )
    photographs = serializers.IntegerField(help_text="How many are stored.")
    templates = serializers.IntegerField(help_text="Photographs with a template in the new space.")
    failed = serializers.IntegerField(help_text="Photographs that could not get one.")
    people_at_risk = serializers.IntegerField(help_text="People who are found in the old space only.")

    class Meta:
        model = Respace
        fields = [
            "id", "uuid", "space", "status", "photographs", "templates", "failed", "people_at_risk", "compared",
            "lost_matches", "new_matches", "other_matches", "created_at", "computed_at", "switched_at",
        ]  # fmt: skip

    def to_representation(self, instance: Respace) -> dict[str, Any]:
        for name, value in asdict(progress_of(instance)).items():
            setattr(instance, name, value)
        instance.people_at_risk = count_at_risk(instance)  # type: ignore[attr-defined]
        return super().to_representation(instance)
