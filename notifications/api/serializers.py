"""Webhooks and what was sent to them, as JSON."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from rest_framework import serializers

from clients.authentication import client_of
from notifications.models import Delivery, Subscription
from notifications.types import OFFERED, Event, Standing, State, Way
from rest.examples import example
from vision.fetching import MAX_URL


@example(name="Door", url="https://hooks.example.org/faceapp", events=["hit.confirmed"])
class WebhookSerializer(serializers.ModelSerializer[Subscription]):
    """A URL that is told of events. Its host must be one of `FACEAPP_WEBHOOK_HOSTS`."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    url = serializers.CharField(source="target", max_length=MAX_URL)
    events = serializers.ListField(
        child=serializers.ChoiceField([event.value for event in OFFERED]), allow_empty=False, max_length=len(OFFERED)
    )
    is_active = serializers.BooleanField(default=True, help_text="Switched off by itself if nothing arrives for days.")
    state = serializers.ChoiceField([state.value for state in Standing], read_only=True)
    failures = serializers.IntegerField(read_only=True, help_text="Failed attempts since the last message arrived.")
    former_secret_until = serializers.DateTimeField(
        source="previous_until", read_only=True, allow_null=True, help_text="Until then, the former secret signs too."
    )

    class Meta:
        model = Subscription
        fields = [
            "id", "name", "url", "events", "is_active", "state", "failures", "failing_since", "switched_off_at",
            "former_secret_until", "created_at",
        ]  # fmt: skip
        read_only_fields = ["failing_since", "switched_off_at", "created_at"]

    def validate_events(self, events: list[str]) -> list[str]:
        return list(dict.fromkeys(events))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The URL is checked when it is given, and when the webhook is switched on."""
        row = self.instance or Subscription(client=client_of(self.context["request"]), way=Way.WEBHOOK)
        wanted = copy(row)
        for name, value in attrs.items():
            setattr(wanted, name, value)
        if self.instance is None or "target" in attrs or "is_active" in attrs:
            try:
                wanted.clean()
            except Invalid as error:
                told = {"url" if field == "target" else field: said for field, said in error.message_dict.items()}
                raise serializers.ValidationError(told) from None
        return attrs


class NewWebhookSerializer(WebhookSerializer):
    """A webhook with its secret, which is shown this once."""

    secret = serializers.CharField(read_only=True, help_text="Store it now: it is never shown again.")

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One message, and what became of it. It keeps its `id` however often it is sent."""

    event = serializers.ChoiceField([event.value for event in Event], read_only=True)
    data: Any = serializers.DictField(read_only=True, help_text="As it is sent; docs/webhooks.md describes each event.")
    status: Any = serializers.ChoiceField([state.value for state in State], read_only=True)
    answer = serializers.IntegerField(read_only=True, allow_null=True, help_text="HTTP status of the last attempt.")
    error = serializers.CharField(read_only=True, help_text="Of the last attempt, by the codes of docs/webhooks.md.")
    due_at = serializers.SerializerMethodField(help_text="The next attempt; null if there is none.")

    class Meta:
        model = Delivery
        fields = ["id", "event", "data", "status", "attempts", "answer", "error", "created_at", "tried_at", "due_at"]
        read_only_fields = fields

    @staticmethod
    def get_due_at(delivery: Delivery) -> str | None:
        return delivery.due_at.isoformat() if delivery.status == State.PENDING else None
