"""Who is told of what, and what was sent: an outbox, filled in the transaction of the event."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from clients.models import Client
from mqtt import broker as mqtt
from notifications.querysets import DeliveryQuerySet, SubscriptionQuerySet
from notifications.types import OFFERED, Event, Standing, State, Way
from vision.exceptions import InvalidImage
from vision.fetching import MAX_URL, Rules, check_url

MOST_ADDRESSES = 10
MOST_OF_CLIENT = 50  # subscriptions


def rules() -> Rules:
    """Which hosts webhooks may reach."""
    return Rules(settings.WEBHOOK_HOSTS, settings.WEBHOOK_ALLOW_PRIVATE)


class Subscription(models.Model):
    """Messages about events of a client, to a URL or to addresses.

    A webhook's secret is derived from the key of the client, `uuid` and `secret_number` (`notifications.signing`), and
    stored nowhere.
    """

    client = models.ForeignKey(Client, models.CASCADE, related_name="subscriptions")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, help_text="For your own use.")
    way = models.CharField("sent by", max_length=10, choices=Way, default=Way.WEBHOOK)
    target = models.TextField(
        "URL, addresses or topic",
        max_length=MAX_URL,
        help_text=f"A URL, or up to {MOST_ADDRESSES} e-mail addresses with commas between; of MQTT the topic, which the"
        " service sets.",
    )
    with_names = models.BooleanField(
        "names in messages",
        default=False,
        db_default=False,
        help_text="For MQTT: whoever may read the topic learns the names of the people who are found.",
    )
    events = ArrayField(models.CharField(max_length=30, choices=[(event.value, event.label) for event in OFFERED]))
    is_active = models.BooleanField(
        "active", default=True, help_text="Switched off by itself when nothing has arrived for days."
    )
    secret_number = models.PositiveIntegerField(default=1, editable=False)
    previous_until = models.DateTimeField("previous secret signs until", null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField("failed attempts in a row", default=0, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    switched_off_at = models.DateTimeField("switched itself off", null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["client", "name", "pk"]

    def __str__(self) -> str:
        return f"{self.name or 'subscription'} ({self.get_way_display()})"

    @property
    def state(self) -> Standing:
        if self.switched_off_at and not self.is_active:
            return Standing.SWITCHED_OFF
        if not self.is_active:
            return Standing.INACTIVE
        return Standing.FAILING if self.failures else Standing.ACTIVE

    @property
    def addresses(self) -> list[str]:
        return [address.strip() for address in self.target.split(",")]

    def clean(self) -> None:
        """Refuses a URL that the rules do not allow, what is no address, and more subscriptions than a client has. Sets
        the topic of MQTT, the only way by which names are sent.

        The URL of an inactive webhook may have been allowed once.
        """
        if self._state.adding and Subscription.objects.filter(client=self.client_id).count() >= MOST_OF_CLIENT:
            text = _("A client has at most %(most)s subscriptions. Delete one first.")
            raise ValidationError({"name": text % {"most": MOST_OF_CLIENT}})
        self.with_names = self.with_names and self.way == Way.MQTT
        if self.way == Way.WEBHOOK:
            if not (self.is_active or self._state.adding):
                return
            try:
                check_url(self.target, rules())
            except InvalidImage:
                message = _("Webhooks may not reach this URL. FACEAPP_WEBHOOK_HOSTS names the hosts that they may.")
                raise ValidationError({"target": message}) from None
            return
        if self.way == Way.MQTT:
            self._clean_topic()
            return
        if len(self.addresses) > MOST_ADDRESSES:
            raise ValidationError({"target": _("Name at most %(most)s addresses.") % {"most": MOST_ADDRESSES}})
        for address in self.addresses:
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError({"target": error.messages}) from None

    def _clean_topic(self) -> None:
        """A client has one topic, and with it one subscription by MQTT."""
        others = Subscription.objects.filter(client=self.client_id, way=Way.MQTT).exclude(pk=self.pk)
        if others.exists():
            raise ValidationError({"target": _("This client is told by MQTT already. Change that subscription.")})
        self.target = mqtt.topic(self.client_id)

    @property
    def topic(self) -> str:
        """Of MQTT: a topic of the client, below which each event has one."""
        return mqtt.topic(self.client_id)


class Delivery(models.Model):
    """One message for one subscription. It keeps its id however often it is sent.

    `key` makes it one for each event; `objects_named` are those of the audit, by which erasure finds it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=30, choices=Event)
    key = models.CharField(max_length=100)
    objects_named = ArrayField(models.CharField(max_length=100), default=list)
    data = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField("next attempt", default=timezone.now)
    tried_at = models.DateTimeField("last attempt", null=True, blank=True)
    answer = models.PositiveSmallIntegerField("HTTP status", null=True, blank=True)
    error = models.CharField(max_length=50, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "pk"]
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["subscription", "event", "key"], name="one_delivery_per_event")]
        indexes = [
            models.Index(fields=["subscription", "due_at"], condition=models.Q(status="pending"), name="delivery_due"),
            models.Index(fields=["created_at"], name="delivery_created"),
            models.Index(fields=["subscription", "-created_at", "id"], name="delivery_newest"),
            GinIndex(fields=["objects_named"], name="delivery_objects"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
