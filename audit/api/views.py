"""`/api/v1/audit/`: what was done with a client's data, and by whom. Needs a key that names the scope."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from audit.api.filters import RecordFilter
from audit.api.serializers import ReceiptSerializer, RecordSerializer
from audit.export import lines_of
from audit.models import Receipt, Record
from audit.querysets import ReceiptQuerySet, RecordQuerySet
from rest.pagination import StrictPagination

SCOPE = "audit:read"


@extend_schema_view(
    list=extend_schema(description="List receipts of what was erased, newest first."),
    retrieve=extend_schema(description="Return one receipt."),
)
class ErasureViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Receipt]):
    """Receipts of what was erased, newest first."""

    queryset = Receipt.objects.none()
    serializer_class = ReceiptSerializer
    pagination_class = StrictPagination
    filter_backends = []
    lookup_field, lookup_value_regex = "uuid", "[0-9a-f-]{36}"
    scope_read = "people:read"

    def get_queryset(self) -> ReceiptQuerySet:
        return Receipt.objects.of_client(int(self.request.client.pk))  # type: ignore[attr-defined]


@extend_schema_view(list=extend_schema(description="List what was done with the client's data, newest first."))
class AuditViewSet(mixins.ListModelMixin, GenericViewSet[Record]):
    """What was done with the client's data, newest first."""

    queryset = Record.objects.none()
    serializer_class = RecordSerializer
    pagination_class = StrictPagination
    filterset_class = RecordFilter
    scope_read = SCOPE

    def check_permissions(self, request: Request) -> None:
        """Neither a session nor a caller without a key will do: the scope must be named."""
        super().check_permissions(request)
        if SCOPE not in getattr(request.auth, "scopes", ()):
            message = f"This needs an API key with the scope '{SCOPE}'."
            raise PermissionDenied(message, code="auth.missing_scope")

    def get_queryset(self) -> RecordQuerySet:
        return Record.objects.of_client(self.client_id)

    @property
    def client_id(self) -> int:
        """Of the caller, who has been authenticated."""
        return int(self.request.client.pk)  # type: ignore[attr-defined]

    @extend_schema(
        operation_id="audit_export",
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
        parameters=[],
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None, filter_backends=[])
    def export(self, request: Request) -> StreamingHttpResponse:
        """Export the audit trail. All sealed rows with their seals as JSON lines, oldest first; see docs/audit.md."""
        return StreamingHttpResponse(lines_of(client_id=self.client_id), content_type="application/x-ndjson")
