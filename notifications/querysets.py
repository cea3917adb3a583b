"""Questions about subscriptions and deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import connection, models
from django.db.models import Min, Q
from django.utils import timezone

from notifications.types import Event, State, Way


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def webhooks_of(self, client_id: int) -> SubscriptionQuerySet:
        return self.filter(client=client_id, way=Way.WEBHOOK)

    def wanting(self, client_id: int, event: Event) -> SubscriptionQuerySet:
        """Those of the client that are to be told of this event."""
        return self.filter(client=client_id, is_active=True, events__contains=[event.value])

    def kept(self, ids: Iterable[int]) -> list[int]:
        """Those of these ids that exist, and that nobody can delete before the transaction ends."""
        if not (wanted := list(ids)):
            return []
        with connection.cursor() as cursor:  # Django has no FOR KEY SHARE, which holds up nothing but deletion
            cursor.execute("SELECT id FROM notifications_subscription WHERE id = ANY(%s) FOR KEY SHARE", [wanted])
            return [pk for (pk,) in cursor.fetchall()]

    def with_due_deliveries(self) -> SubscriptionQuerySet:
        """Those for which something is to be sent now; first who has waited longest."""
        due = Q(deliveries__status=State.PENDING, deliveries__due_at__lte=timezone.now())
        waiting = self.filter(due, is_active=True).annotate(oldest=Min("deliveries__due_at", filter=due))
        return waiting.order_by("oldest")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> DeliveryQuerySet:
        return self.filter(status=State.PENDING)

    def due(self) -> DeliveryQuerySet:
        """To be sent now, first what has waited longest."""
        return self.pending().filter(due_at__lte=timezone.now()).order_by("due_at", "created_at")

    def about(self, client_id: int, objects: Sequence[str]) -> DeliveryQuerySet:
        """Those of the client that name one of these objects."""
        return self.filter(subscription__client=client_id, objects_named__overlap=list(objects))

    def expired(self, *, days: int) -> DeliveryQuerySet:
        return self.filter(created_at__lt=timezone.now() - timedelta(days=days))
