"""What the endpoints of people and galleries take."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from people.types import EnrolmentRules, Gate, Probe, Proof, SearchOptions, Whom
from remote.registry import NAMES
from rest.examples import PHOTOGRAPH, example
from rest.fields import FILE_LIST, DistanceField, ImageField, OptionalBoolean, upload_of
from vision.types import Upload

ONE_FILE = {**FILE_LIST, "single": True}
ON_EXISTING = ["refuse", "add", "replace"]
OBJECT = extend_schema_field({"type": "object", "additionalProperties": True})
OF_SESSION = "The result of a liveness session for this person and purpose; this call uses it up."
SOURCE = "The name of a gallery of people; empty: the default one."


@OBJECT
class MetadataField(serializers.JSONField):
    """A JSON object; in a form, its text."""

    default_error_messages = {"object": "A JSON object is required."}
    initial = {}

    def get_value(self, dictionary: Any) -> Any:
        """Nothing is given by a form in which the field is empty."""
        return empty if dictionary.get(self.field_name) == "" else super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            self.fail("object")
        return dict(value)


@example(name="Ada Lovelace", metadata={"department": "Research"})
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
    legal_basis = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Of the processing, or a note of the consent."
    )


class TokenInput(serializers.Serializer[Any]):
    """The token of a liveness session, if the call needs one."""

    liveness_token = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text=OF_SESSION)

    @property
    def token(self) -> str:
        return str(self.validated_data.get("liveness_token", ""))

    @property
    def proof(self) -> Proof | None:
        return Proof(token=self.token) if self.token else None


@example(image=PHOTOGRAPH)
class NewImage(TokenInput):
    """A photograph of a person, and how it is judged."""

    image = ImageField(style=ONE_FILE, help_text="A file part, or base64 or a data URL as text.")
    replace = serializers.BooleanField(default=False, help_text="Replace all earlier photographs.")
    quality_gate: Any = serializers.ChoiceField(
        [gate.value for gate in Gate], required=False, help_text="Default: the deployment's."
    )
    face_choice: Any = serializers.ChoiceField(
        ["only", "largest", "named"],
        default="only",
        help_text="`named`: the face that the XMP of the photograph marks with the person's name, if it marks exactly"
        " one so; otherwise the only one.",
    )

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


@example(image=PHOTOGRAPH, name="Ada Lovelace", external_id="employee-17")
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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() & {"external_id", "name", "metadata", "image"}:
            raise serializers.ValidationError("An external id, a name, metadata or an image is required.")
        return attrs

    @property
    def whom(self) -> Whom:
        names = ("external_id", "source", "name", "metadata", "legal_basis")
        return Whom(**{name: self.validated_data[name] for name in names if name in self.validated_data})


@example(image=PHOTOGRAPH, limit=5)
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


@example(image=PHOTOGRAPH)
class ImageInput(serializers.Serializer[Any]):
    """An image whose largest face is meant."""

    image = ImageField(style=ONE_FILE)


@example(image=PHOTOGRAPH)
class VerifyInput(TokenInput):
    """The image whose largest face is compared."""

    image = ImageField(style=ONE_FILE)
    threshold = DistanceField(required=False, allow_null=True, min_value=0)

    @property
    def distance(self) -> float | None:
        """The threshold that the caller chose."""
        return self.validated_data.get("threshold") or None


@example(image=PHOTOGRAPH, images=[PHOTOGRAPH])
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


@example(name="staff")
class GalleryPatch(serializers.Serializer[Any]):
    """Only what is to change."""

    name = serializers.CharField(min_length=1, max_length=100, required=False, trim_whitespace=False)
    threshold = DistanceField(
        required=False, allow_null=True, help_text="A distance above 0; null: what the targets allow."
    )
    backend = serializers.ChoiceField(
        NAMES,
        required=False,
        help_text="Of a gallery without people; others move by manage.py respace --to-backend. Not for API keys.",
    )
    two_person_review = OptionalBoolean(
        required=False, help_text="Of a blacklist: whether two persons judge each hit, neither knowing of the other."
    )
    fpir_per_thousand = DistanceField(
        required=False, allow_null=True, help_text="Strangers in a thousand who may raise an alarm; null: the client's."
    )
    fmr_per_million = DistanceField(
        required=False,
        allow_null=True,
        help_text="Strangers in a million who may pass a one-to-one comparison; null: the client's.",
    )
    review_fpir_per_thousand = DistanceField(
        required=False,
        allow_null=True,
        help_text="Strangers in a thousand who may be presented for review; 0: none; null: the client's.",
    )
