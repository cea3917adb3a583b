"""`/api/v1/keys/rotate/`: a program replaces its own key."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from clients import services
from clients.api.idempotency import REPLAYED, read_key
from clients.authentication import ApiKeyAuthentication, path_token_of
from clients.models import ApiKey, Scope
from clients.permissions import require_named_scope
from clients.rotation import LONGEST_OVERLAP, OVERLAP_HOURS
from clients.schema import IDEMPOTENCY_KEY
from rest.examples import example
from rest.input import read_input


@example(overlap_hours=24)
class Rotation(serializers.Serializer):  # type: ignore[type-arg]
    """For how many hours the former key is accepted."""

    overlap_hours = serializers.IntegerField(min_value=0, max_value=LONGEST_OVERLAP, default=OVERLAP_HOURS)


class NewKeySerializer(serializers.ModelSerializer[ApiKey]):
    """A new key, which is shown this once, and what became of the former one."""

    key = serializers.CharField(help_text="Store it now: it is never shown again.")
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    expires_at = serializers.DateTimeField(source="expiry_date", allow_null=True)
    former_key_until = serializers.DateTimeField(source="previous_until")

    class Meta:
        model = ApiKey
        fields = ["key", "prefix", "name", "scopes", "networks", "expires_at", "former_key_until"]


class KeyViewSet(GenericViewSet[ApiKey]):
    """The key of the call itself. Keys are made in the admin."""

    scope_write = Scope.ROTATE
    serializer_class = Rotation
    pagination_class = None
    filter_backends = []

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=Rotation, responses=OpenApiResponse(NewKeySerializer))
    @action(detail=False, methods=["post"])
    def rotate(self, request: Request) -> Response:
        """Replace the key of this call by a new one.

        It has the same prefix, scopes and networks. Needs the scope `rotate` by name, and the key in a header. A call
        that is sent again with its `Idempotency-Key` gets the same key, for as long as the former one is accepted.
        """
        require_named_scope(request, Scope.ROTATE)
        if path_token_of(request._request) is not None:
            raise PermissionDenied("Send the key itself, and not its path token.", code="auth.key_needed")
        assert isinstance(request.auth, ApiKey)
        key, is_replayed = services.rotate_api_key(
            key=request.auth,
            overlap_hours=read_input(self, Rotation).validated_data["overlap_hours"],
            presented=ApiKeyAuthentication.read_key(request) or "",
            idempotency_key=read_key(request) or "",
        )
        row = ApiKey.objects.get(pk=request.auth.pk)
        row.key = key  # type: ignore[attr-defined]  # for this answer only
        headers = {"Cache-Control": "no-store"} | ({REPLAYED: "true"} if is_replayed else {})
        return Response(NewKeySerializer(row).data, headers=headers)
