"""Rows of the audit as JSON."""

from __future__ import annotations

from rest_framework import serializers

from audit.models import Record


class RecordSerializer(serializers.ModelSerializer[Record]):
    """What was done, when, by whom and to whom. `objects` are kinds and numbers, such as `person:12`."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    objects = serializers.ListField(source="objects_named", child=serializers.CharField(), read_only=True)

    class Meta:
        model = Record
        fields = [
            "id", "at", "action", "actor_kind", "actor", "address", "request_id", "objects", "galleries",
            "gallery_people", "gallery_version", "space", "threshold", "results",
        ]  # fmt: skip
        read_only_fields = fields
