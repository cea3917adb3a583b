"""What the blacklist's endpoints take and return."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from blacklist import services
from blacklist.models import LONGEST_NOTES, BlacklistEntry, Severity
from blacklist.types import Validity
from people.api.serializers import PhotographSerializer
from rest.examples import example
from rest.fields import FILE_LIST, OptionalBoolean, UploadField
from vision.types import Upload


class EntryChange(serializers.Serializer[BlacklistEntry]):
    """Whether and when an entry counts, and what is known of the case; everything is optional."""

    severity = serializers.ChoiceField(Severity.choices, required=False, initial=Severity.NORMAL)
    source: Any = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="Who asked for it, such as a case number."
    )
    notes = serializers.CharField(max_length=LONGEST_NOTES, required=False, allow_blank=True)
    is_active = OptionalBoolean(required=False, initial=True)
    valid_from = serializers.DateField(required=False, allow_null=True)
    valid_until = serializers.DateField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = (attrs.get(name, getattr(self.instance, name, None)) for name in ("valid_from", "valid_until"))
        if first and last and last < first:
            raise serializers.ValidationError({"valid_until": ["The entry ends before it begins."]})
        return attrs

    def validate_reason(self, value: str | None) -> str | None:
        return value or None

    def update(self, instance: BlacklistEntry, validated_data: dict[str, Any]) -> BlacklistEntry:
        for name, value in validated_data.items():
            setattr(instance, name, value)
        return services.save_entry(entry=instance, fields=validated_data)

    def to_representation(self, instance: BlacklistEntry) -> Any:
        return EntrySerializer(instance, context=self.context).data


@example(name="John Doe", reason="House ban")
class EntryInput(EntryChange):
    """Name and reason, as PUT takes them: an omitted reason becomes null."""

    name = serializers.CharField(min_length=1, max_length=100)
    reason = serializers.CharField(max_length=255, required=False, allow_blank=True, allow_null=True, default=None)


class NewEntryInput(EntryInput):
    """A new entry with its photographs."""

    images = serializers.ListField(
        child=UploadField(allow_empty_file=True),
        allow_empty=False,
        style=FILE_LIST,
        help_text="With exactly one face each.",
    )

    @property
    def case(self) -> dict[str, str]:
        """Severity, source and notes, as far as they are given."""
        return {
            name: self.validated_data[name] for name in ("severity", "source", "notes") if name in self.validated_data
        }

    @property
    def validity(self) -> Validity:
        data: dict[str, Any] = self.validated_data
        return Validity(data.get("is_active", True), data.get("valid_from"), data.get("valid_until"))

    @property
    def uploads(self) -> list[Upload]:
        uploads: list[Upload] = self.validated_data["images"]
        return uploads


@example(is_active=False)
class EntryPatch(EntryChange):
    """Only what is to change."""

    name = serializers.CharField(min_length=1, max_length=100, required=False)
    reason = serializers.CharField(max_length=255, required=False, allow_blank=True, allow_null=True)


class ImagesInput(serializers.Serializer[Any]):
    """More photographs for an entry."""

    images: serializers.ListField = serializers.ListField(
        child=UploadField(allow_empty_file=True), allow_empty=False, style=FILE_LIST
    )

    @property
    def uploads(self) -> list[Upload]:
        uploads: list[Upload] = self.validated_data["images"]
        return uploads


class EntrySerializer(serializers.ModelSerializer[BlacklistEntry]):
    """An entry, whether and when it is in force, and which users have added and changed it (null: a program)."""

    added_date = serializers.DateTimeField(source="created_at", format="%Y-%m-%dT%H:%M:%S", read_only=True)
    id = serializers.IntegerField(source="number", read_only=True)
    reference_image_dir = serializers.CharField(source="number", read_only=True)
    created_by: Any = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    changed_by: Any = serializers.SlugRelatedField("username", read_only=True, allow_null=True)

    class Meta:
        model = BlacklistEntry
        fields = [
            "id", "uuid", "name", "reason", "added_date", "reference_image_dir", "is_active", "valid_from",
            "valid_until", "severity", "source", "notes", "created_by", "changed_by",
        ]  # fmt: skip


class NewEntrySerializer(EntrySerializer):
    """A new entry, and which of its photographs could not be used."""

    errors: Any = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta(EntrySerializer.Meta):
        fields = [*EntrySerializer.Meta.fields, "errors"]


class ReferenceImageSerializer(PhotographSerializer):
    """A photograph of an entry."""

    route = "blacklist-image"


class ImagesAdded(serializers.Serializer[Any]):
    """What became of the files of one call."""

    message = serializers.CharField()
    errors: Any = serializers.ListField(child=serializers.CharField())
    images: Any = ReferenceImageSerializer(many=True)
