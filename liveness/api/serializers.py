"""What the liveness endpoints take and return."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from liveness import services
from liveness.api.fields import CameraImageField
from liveness.models import LivenessSession
from rest.examples import PHOTOGRAPH, example
from rest.fields import FILE_LIST


class StrictTextField(serializers.CharField):
    """Text; numbers are refused."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class SessionSerializer(serializers.ModelSerializer[LivenessSession]):
    """The current state of a session. `status`: open, passed, failed, cancelled or expired."""

    status = serializers.CharField(source="state")
    redeemed = serializers.SerializerMethodField()

    class Meta:
        model = LivenessSession
        fields = ["id", "purpose", "subject", "source", "nonce", "actions", "status", "attempts_left", "last_code",
                  "created_at", "expires_at", "redeemed"]  # fmt: skip

    def get_redeemed(self, session: LivenessSession) -> bool:
        return session.redeemed_at is not None


@example(purpose="login", subject="employee-17")
class SessionInput(serializers.ModelSerializer[LivenessSession]):
    """For which person and purpose. The token of the session is accepted for exactly these."""

    purpose = StrictTextField(max_length=50)
    subject = StrictTextField(max_length=255, trim_whitespace=False)
    source = StrictTextField(  # type: ignore[assignment]  # the name of an attribute of fields
        max_length=100, required=False, allow_blank=True, trim_whitespace=False
    )

    class Meta:
        model = LivenessSession
        fields = ["purpose", "subject", "source"]

    def create(self, validated_data: dict[str, Any]) -> LivenessSession:
        return services.start_session(
            client=validated_data["client"],
            purpose=validated_data["purpose"],
            subject=validated_data["subject"],
            source=validated_data.get("source", ""),
        )

    def to_representation(self, instance: LivenessSession) -> dict[str, Any]:
        return SessionSerializer(instance, context=self.context).data


@example(nonce="the nonce of the session", frames=[PHOTOGRAPH, PHOTOGRAPH])
class FramesInput(serializers.Serializer[Any]):
    """The frames of one attempt in the order in which they were taken, and optionally an image of the same person."""

    nonce = serializers.CharField(max_length=64)
    frames: Any = serializers.ListField(child=CameraImageField(), style=FILE_LIST)
    image = CameraImageField(required=False)


class PassedSerializer(serializers.Serializer[Any]):
    """The result of a passed attempt."""

    status = serializers.CharField(default="passed")
    token = serializers.CharField()
    token_expires_at = serializers.DateTimeField()


@example(image=PHOTOGRAPH)
class AntiSpoofInput(serializers.Serializer[Any]):
    """One image."""

    image = CameraImageField(style={**FILE_LIST, "single": True})


class AntiSpoofSerializer(serializers.Serializer[Any]):
    """How much the largest face looks like a picture of a face."""

    status = serializers.CharField(default="SUCCESS")
    fake_prob = serializers.FloatField(help_text="0 to 100.")
    is_fake = serializers.BooleanField()
