"""`/api/v1/webhooks/`: URLs that are told of events, and what was sent to them."""

from __future__ import annotations

from uuid import UUID

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from audit.services import record
from audit.types import Action
from clients.authentication import client_of
from clients.models import Scope
from notifications import services
from notifications.api.serializers import DeliverySerializer, NewWebhookSerializer, WebhookSerializer
from notifications.models import Delivery, Subscription
from notifications.querysets import SubscriptionQuerySet
from notifications.types import Event, State
from rest.pagination import StrictPagination

DELIVERY = OpenApiParameter("delivery_id", UUID, OpenApiParameter.PATH)
NARROWING = [OpenApiParameter("status", enum=State.values), OpenApiParameter("event", enum=Event.values)]
NEVER_KEPT = {"Cache-Control": "no-store"}


class DeliveryFilter(filters.FilterSet):  # type: ignore[misc]  # the library has no types
    """`status` and `event` narrow the list."""

    status = filters.ChoiceFilter(choices=State.choices)
    event = filters.ChoiceFilter(choices=Event.choices)

    class Meta:
        model = Delivery
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(description="List the webhooks, those added last at the end."),
    retrieve=extend_schema(description="Return one webhook."),
)
class WebhookViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Subscription]):
    """Who is told of events by HTTP. Of users who are logged in, only managers see and change it.

    E-mail is not among them: its addresses are entered in the console.
    """

    queryset = Subscription.objects.none()
    serializer_class = WebhookSerializer
    pagination_class = StrictPagination
    filter_backends = []
    lookup_field, lookup_value_regex = "uuid", "[0-9a-f-]{36}"
    scope_read, scope_write = Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE
    to_confirm = frozenset({"create", "partial_update", "send_test", "rotate_secret", "redeliver"})

    def get_queryset(self) -> SubscriptionQuerySet:
        return Subscription.objects.webhooks_of(client_of(self.request).pk).order_by("pk")

    @property
    def webhook(self) -> Subscription:
        """The one that the path names, whatever the query filters."""
        found: Subscription = get_object_or_404(self.get_queryset(), uuid=self.kwargs["uuid"])
        return found

    @extend_schema(request=WebhookSerializer, responses={201: NewWebhookSerializer})
    def create(self, request: Request) -> Response:
        """Add a webhook. The answer has its secret, which is shown this once."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = Subscription(client=client_of(request), **given.validated_data)
        secret = services.save_subscription(subscription=row, changed=list(given.validated_data))
        row.secret = secret  # type: ignore[attr-defined]  # for this answer only
        return Response(NewWebhookSerializer(row).data, status=status.HTTP_201_CREATED, headers=NEVER_KEPT)

    def partial_update(self, request: Request, uuid: str) -> Response:
        """Change a webhook. Only the given fields change; switching it on forgets earlier failures."""
        row = self.webhook
        given = self.get_serializer(row, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        for name, value in given.validated_data.items():
            setattr(row, name, value)
        services.save_subscription(subscription=row, changed=list(given.validated_data))
        return Response(self.get_serializer(row).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, uuid: str) -> Response:
        """Delete a webhook with its messages, sent or not."""
        services.delete_subscriptions(subscriptions=self.get_queryset().filter(pk=self.webhook.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"], url_path="test", url_name="test")
    def send_test(self, request: Request, uuid: str) -> Response:
        """Send a test message. It is sent within seconds; `deliveries` tells what became of it."""
        delivery = services.send_test(subscription=self.webhook)
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=NewWebhookSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, uuid: str) -> Response:
        """Replace the secret. The answer has the new one; for a day the former one signs as well."""
        row = self.webhook
        row.secret = services.rotate_secret(subscription=row)  # type: ignore[attr-defined]  # for this answer only
        return Response(NewWebhookSerializer(row).data, headers=NEVER_KEPT)

    @extend_schema(parameters=NARROWING, responses=DeliverySerializer(many=True))
    @action(detail=True)
    def deliveries(self, request: Request, uuid: str) -> Response:
        """List the messages of a webhook, newest first."""
        row = self.webhook
        narrowed = DeliveryFilter(request.query_params, queryset=row.deliveries.all())
        if not narrowed.is_valid():
            raise ValidationError(narrowed.errors)
        page = self.paginate_queryset(narrowed.qs) or []
        names = [f"subscription:{row.pk}", *(name for delivery in page for name in delivery.objects_named)]
        record(Action.VIEW, client_id=row.client_id, objects=names, results=len(page))
        return self.get_paginated_response(DeliverySerializer(page, many=True).data)

    @extend_schema(request=None, responses={202: DeliverySerializer}, parameters=[DELIVERY])
    @action(detail=True, methods=["post"], url_path="deliveries/(?P<delivery_id>[^/.]+)/redeliver")
    def redeliver(self, request: Request, uuid: str, delivery_id: str) -> Response:
        """Send a message again. It has the same id and as many attempts as a new one."""
        found = Delivery.objects.filter(subscription=self.webhook).select_related("subscription")
        delivery = get_object_or_404(found, pk=delivery_id)
        services.redeliver(delivery=delivery)
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)
