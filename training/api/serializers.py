"""Recognisers as the API shows them; the arrays stay inside."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from rest.examples import example
from training.models import STATE_CHOICES, Recogniser


class RecogniserSerializer(serializers.ModelSerializer[Recogniser]):
    id = serializers.IntegerField(source="number", read_only=True)
    status = serializers.ChoiceField(choices=STATE_CHOICES, source="state", read_only=True)
    progress = serializers.FloatField(read_only=True, help_text="Share of the epochs that are done, 0 to 1.")
    seconds = serializers.FloatField(read_only=True, allow_null=True, help_text="How long the training took.")
    metrics = serializers.SerializerMethodField(
        help_text="On held-out images: `accuracy` of the classifier and of the nearest template, strangers rejected."
    )
    options = serializers.SerializerMethodField(help_text="Hyper-parameters.")
    people = serializers.SerializerMethodField(help_text="Ids of the people whom it tells apart.")

    class Meta:
        model = Recogniser
        fields = [
            "id", "uuid", "source", "space", "version", "status", "is_active", "progress", "people", "images",
            "options", "min_probability", "metrics", "error_code", "error", "created_at", "started_at", "finished_at",
            "seconds",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=serializers.FloatField()))
    def get_metrics(self, recogniser: Recogniser) -> dict[str, float]:
        return dict(recogniser.metrics)

    @extend_schema_field(serializers.DictField())
    def get_options(self, recogniser: Recogniser) -> dict[str, Any]:
        return dict(recogniser.options)

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_people(self, recogniser: Recogniser) -> list[int]:
        return [known.person.number for known in recogniser.known.all() if known.person]


class EpochSerializer(serializers.Serializer[Any]):
    """One epoch of a training."""

    epoch = serializers.IntegerField()
    loss = serializers.FloatField()
    accuracy = serializers.FloatField()
    held_out_loss = serializers.FloatField(required=False)
    held_out_accuracy = serializers.FloatField(required=False)


class RecogniserDetailSerializer(RecogniserSerializer):
    curves = serializers.SerializerMethodField(help_text="Loss and accuracy after each epoch.")

    class Meta(RecogniserSerializer.Meta):
        fields = [*RecogniserSerializer.Meta.fields, "curves"]
        read_only_fields = fields

    @extend_schema_field(EpochSerializer(many=True))
    def get_curves(self, recogniser: Recogniser) -> list[dict[str, Any]]:
        return list(recogniser.curves)


@example(source="staff")
class TrainInput(serializers.Serializer[Any]):
    source = serializers.CharField(  # type: ignore[assignment]  # a field has an attribute of this name itself
        max_length=100,
        allow_blank=True,
        default="",
        help_text="The gallery of people to learn; empty for the default one.",
    )
