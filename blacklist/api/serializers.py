"""What the blacklist's endpoints take and return."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from blacklist.models import BlacklistEntry
from people.api.serializers import PhotographSerializer
from rest.fields import FILE_LIST, OptionalBoolean, UploadField
from vision.types import Upload


class DatesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What an entry may say besides name and reason; everything is optional."""

    is_active = OptionalBoolean(required=False, initial=True)
    valid_from = serializers.DateField(required=False, allow_null=True)
    valid_until = serializers.DateField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = (attrs.get(name, getattr(self.instance, name, None)) for name in ("valid_from", "valid_until"))
        if first and last and last < first:
            raise serializers.ValidationError({"valid_until": ["The entry ends before it begins."]})
        return attrs


class EntryInput(DatesSerializer):
    """Name and reason, as PUT takes them: an omitted reason becomes null."""

    name = serializers.CharField(min_length=1, max_length=100)
    reason = serializers.CharField(max_length=255, required=False, allow_blank=True, allow_null=True, default=None)

    def validate_reason(self, value: str | None) -> str | None:
        return value or None


class NewEntryInput(EntryInput):
    """A new entry with its photographs."""

    images = serializers.ListField(
        child=UploadField(allow_empty_file=True), allow_empty=False, style=FILE_LIST, help_text="One face each."
    )


class EntryPatch(DatesSerializer):
    """Only what is to change."""

    name = serializers.CharField(min_length=1, max_length=100, required=False)
    reason = serializers.CharField(max_length=255, required=False, allow_blank=True, allow_null=True)

    def validate_reason(self, value: str | None) -> str | None:
        return value or None


class ImagesInput(serializers.Serializer):  # type: ignore[type-arg]
    """More photographs for an entry."""

    images: serializers.ListField = serializers.ListField(
        child=UploadField(allow_empty_file=True), allow_empty=False, style=FILE_LIST
    )

    @property
    def uploads(self) -> list[Upload]:
        uploads: list[Upload] = self.validated_data["images"]
        return uploads


class EntrySerializer(serializers.ModelSerializer[BlacklistEntry]):
    """The record of the older service, and whether and when the entry counts."""

    added_date = serializers.DateTimeField(source="created_at", format="%Y-%m-%dT%H:%M:%S", read_only=True)
    reference_image_dir = serializers.CharField(source="pk", read_only=True)

    class Meta:
        model = BlacklistEntry
        fields = [
            "id", "name", "reason", "added_date", "reference_image_dir", "is_active", "valid_from", "valid_until",
        ]  # fmt: skip


class NewEntrySerializer(EntrySerializer):
    """A new entry, and which of its photographs could not be used."""

    errors: Any = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta(EntrySerializer.Meta):
        fields = [*EntrySerializer.Meta.fields, "errors"]


class ReferenceImageSerializer(PhotographSerializer):
    """A photograph of an entry."""

    route = "blacklist-image"


class ImagesAdded(serializers.Serializer):  # type: ignore[type-arg]
    """What became of the files of one call."""

    message = serializers.CharField()
    errors: Any = serializers.ListField(child=serializers.CharField())
    images: Any = ReferenceImageSerializer(many=True)
