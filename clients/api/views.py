"""`/api/v1/usage/`, and `/api/v1/reset/` for test deployments."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from clients.authentication import client_of
from clients.erasure import reset_client
from clients.exceptions import ResetDisabled
from clients.models import Scope
from clients.permissions import require_named_scope
from clients.quotas import usage_of


class Erased(serializers.Serializer):  # type: ignore[type-arg]
    """How many rows were erased, by model."""

    erased: serializers.DictField = serializers.DictField(child=serializers.IntegerField())


class UseSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """How much is used. `used` is null while it is not known; `limit` is null if there is none."""

    used = serializers.IntegerField(allow_null=True)
    limit = serializers.IntegerField(allow_null=True)


@extend_schema_serializer(many=False)
class UsageSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What the client uses of each quota."""

    people = UseSerializer(help_text="People and blacklist entries.")
    templates = UseSerializer(help_text="Their reference images.")
    stored_bytes = UseSerializer(help_text="Size of all stored image files.")
    images_today = UseSerializer(help_text="Images sent since midnight UTC.")


class UsageViewSet(ViewSet):
    """What the key's client has stored and sent, beside its limits. Any key may ask."""

    scope_read = None  # open to every key of the client

    @extend_schema(operation_id="usage_retrieve", responses=UsageSerializer)
    def list(self, request: Request) -> Response:
        """Return what the client uses. People, templates, stored bytes and the images of today, each with its limit."""
        return Response(UsageSerializer(usage_of(client_of(request))).data)


class ResetViewSet(ViewSet):
    """Erase everything that the key's client has stored. Keys and members stay. In test deployments only."""

    scope_write = Scope.RESET

    @extend_schema(request=None, responses=Erased)
    def create(self, request: Request) -> Response:
        """Erase all that the client has stored. Needs the named scope `reset`; 404 without `FACEAPP_ALLOW_RESET`."""
        if not settings.ALLOW_RESET:
            raise ResetDisabled("Resetting is switched off here (FACEAPP_ALLOW_RESET).")
        require_named_scope(request, Scope.RESET)
        return Response({"erased": dict(reset_client(client=client_of(request)))})
