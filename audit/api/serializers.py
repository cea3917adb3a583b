"""Rows of the audit as JSON."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from rest_framework import serializers

from audit import receipts
from audit.models import Receipt, Record


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


class RemainingSerializer(serializers.Serializer[dict[str, Any]]):
    """Something that an erasure has left."""

    what = serializers.CharField()
    why = serializers.CharField()
    count = serializers.IntegerField(allow_null=True, help_text="null: not counted.")
    days = serializers.IntegerField(allow_null=True, help_text="After which it goes by itself; null: it does not.")


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """What an erasure removed and what remains; see docs/erasure.md. `objects` are keyed hashes of ids."""

    id = serializers.UUIDField(source="uuid")
    erased_at = serializers.DateTimeField(source="at")
    kind = serializers.CharField()
    of = serializers.UUIDField(allow_null=True, help_text="The erasure whose search found these faces.")
    people = serializers.IntegerField()
    images = serializers.IntegerField()
    templates = serializers.IntegerField()
    files = serializers.IntegerField()
    rows = serializers.IntegerField()
    taken = serializers.DictField(child=serializers.IntegerField(), help_text="How many of each kind were erased.")
    remaining = RemainingSerializer(many=True)
    client = serializers.CharField(source="client_hashed")
    objects = serializers.ListField(child=serializers.CharField(), source="objects_hashed")
    digest = serializers.CharField(help_text="SHA-256 of what the signature covers.")
    signature = serializers.CharField(allow_null=True, help_text="Ed25519; null for the first seconds.")

    def to_representation(self, instance: Receipt) -> dict[str, Any]:
        """The document as it is signed, and the usual counts by themselves."""
        counts = {name: instance.count(name) for name in ("people", "images", "templates", "files", "rows")}
        digest = sha256(receipts.signed_text(receipts.document(instance))).hexdigest()
        return receipts.document(instance) | counts | {"digest": digest}
