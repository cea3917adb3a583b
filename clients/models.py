"""Clients and their API keys."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clients import keys
from clients.choices import INCLUDED, NAMED_ONLY, Scope
from clients.networks import validate_network
from clients.querysets import (
    USE_INTERVAL,
    ApiKeyQuerySet,
    ClientQuerySet,
    CounterQuerySet,
    IdempotentCallQuerySet,
    MembershipQuerySet,
)
from clients.targets import validate_rate, validate_review, validate_target
from remote.registry import NAMES, label_of

__all__ = [
    "INCLUDED",
    "NAMED_ONLY",
    "ApiKey",
    "Client",
    "Counter",
    "DueErasure",
    "ErrorTargets",
    "IdempotentCall",
    "LivenessPolicy",
    "Membership",
    "Role",
    "Scope",
]  # fmt: skip

LARGEST = 1_000_000_000  # people, templates, megabytes or images a day: more is a mistake
LARGEST_LIMIT = MaxValueValidator(LARGEST)
KEPT = "empty uses the deployment's setting, 0 keeps them."
LIMIT = "0: no limit; empty uses the deployment's setting."  # said of each quota


class Role(models.TextChoices):
    """What a member may do for a client, in the admin (`faceapp.roles`) and in the API (`clients.permissions`)."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    MANAGER = "manager", "Manager"


class LivenessPolicy(models.TextChoices):
    """What a client's liveness checks require; see `liveness.services`."""

    FRAMES = "frames", "Frames show the same person, no still twice"
    PASSIVE = "passive", "No presented picture, by the passive score"
    BOTH = "both", "Frames and passive score"


class ErrorTargets(models.Model):
    """How many false matches are allowed; an empty field leaves it to the next wider level (`calibration.services`)."""

    fpir_per_thousand = models.FloatField(
        "strangers in a thousand who may raise an alarm in a search",
        null=True,
        blank=True,
        validators=[validate_target],
        help_text="Above 0 and below 1,000; empty uses the client's or the deployment's setting.",
    )
    fmr_per_million = models.FloatField(
        "strangers in a million who may pass a one-to-one comparison",
        null=True,
        blank=True,
        validators=[validate_rate],
        help_text="Above 0 and below 1,000,000; empty uses the client's or the deployment's setting.",
    )
    review_fpir_per_thousand = models.FloatField(
        "strangers in a thousand whom a search may present for review",
        null=True,
        blank=True,
        validators=[validate_review],
        help_text="0: none; empty uses the client's or the deployment's setting.",
    )

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(fpir_per_thousand__isnull=True) | Q(fpir_per_thousand__gt=0, fpir_per_thousand__lt=1000),
                name="%(class)s_fpir_per_thousand",
            ),
            models.CheckConstraint(
                condition=Q(fmr_per_million__isnull=True) | Q(fmr_per_million__gt=0, fmr_per_million__lt=1_000_000),
                name="%(class)s_fmr_per_million",
            ),
            models.CheckConstraint(
                condition=Q(review_fpir_per_thousand__isnull=True)
                | Q(review_fpir_per_thousand__gte=0, review_fpir_per_thousand__lt=1000),
                name="%(class)s_review_fpir_per_thousand",
            ),
        ]


class Client(ErrorTargets):
    """An application or organisation. Everything stored belongs to exactly one client and is invisible to others."""

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[RegexValidator(r"^[\w.@+-]+\Z", _("Letters, digits and . @ + - _ only."))],
    )
    is_active = models.BooleanField(default=True, help_text="Keys of an inactive client are refused.")
    backend = models.CharField(
        "back end",
        max_length=30,
        choices=[(name, label_of(name)) for name in NAMES],
        blank=True,
        default="",
        db_default="",
        help_text="What keeps and searches the faces of new galleries; empty uses the deployment's. With any but this "
        "service, photographs leave it. Existing galleries move by manage.py respace --to-backend.",
    )
    retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Days to keep processed images; empty uses the deployment's setting, 0 keeps them.",
    )
    album_days = models.PositiveIntegerField(
        null=True, blank=True, help_text=f"Days to keep processed album images and their faces; {KEPT}"
    )
    upload_days = models.PositiveIntegerField(
        null=True, blank=True, help_text=f"Days to keep album images that are not processed; {KEPT}"
    )
    reference_days = models.PositiveIntegerField(
        null=True, blank=True, help_text=f"Days to keep the photographs of people; {KEPT}"
    )
    keep_screened_embeddings = models.BooleanField(
        default=False,
        help_text="Keep the embeddings of screened faces as long as their images, so that an erasure finds a person in"
        " them at once. Otherwise it analyses the stored images anew, in the background.",
    )
    liveness_policy = models.CharField(
        max_length=10,
        blank=True,
        default="",
        choices=LivenessPolicy,
        help_text="What enrolments and verifications require, whatever a request says; empty uses the deployment's"
        " setting.",
    )
    largest_reference_face = models.BooleanField(
        default=False,
        help_text="Of a blacklist's photograph that shows several people, take the largest face instead of refusing"
        " the photograph, as programs written for a DeepFace server expect.",
    )
    ignores_other_engines = models.BooleanField(
        default=False,
        help_text="Screen with the default model or metric if a request names one that is not enabled, instead of"
        " refusing it. The answer names what was ignored.",
    )
    max_people = models.PositiveIntegerField(
        "people", null=True, blank=True, validators=[LARGEST_LIMIT], help_text=f"With blacklist entries. {LIMIT}"
    )
    max_templates = models.PositiveIntegerField(
        "templates",
        null=True,
        blank=True,
        validators=[LARGEST_LIMIT],
        help_text=f"Photographs by which people are recognised. {LIMIT}",
    )
    max_stored_mb = models.PositiveIntegerField(
        "stored megabytes",
        null=True,
        blank=True,
        validators=[LARGEST_LIMIT],
        help_text=f"Of image files, in millions of bytes. {LIMIT}",
    )
    max_images_a_day = models.PositiveIntegerField(
        "images a day",
        null=True,
        blank=True,
        validators=[LARGEST_LIMIT],
        help_text=f"Images sent from midnight to midnight UTC. {LIMIT}",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ClientQuerySet.as_manager()

    class Meta(ErrorTargets.Meta):
        abstract = False
        ordering = ["name"]
        constraints = [
            *ErrorTargets.Meta.constraints,
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gte": 0, f"{name}__lte": LARGEST}),
                    name=f"client_{name}",
                )
                for name in ("max_people", "max_templates", "max_stored_mb", "max_images_a_day")
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user who works for a client, and what the user may do there."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    client = models.ForeignKey(Client, models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=10,
        choices=Role,
        default=Role.VIEWER,
        help_text="Viewers look. Operators also enrol, list and screen. Managers also have keys and limits, and erase.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["client__name", "user__username"]
        constraints = [
            models.UniqueConstraint(fields=["user", "client"], name="one_membership_per_user_and_client"),
            models.CheckConstraint(
                condition=Q(role__in=["viewer", "operator", "manager"]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.client}"


class Counter(models.Model):
    """The last number that an object of this kind was given (`clients.numbering`), and how many of them there were.

    `used` objects were left when `last` was `used_at`; both are empty before anybody counted them (`clients.quotas`).
    """

    client = models.ForeignKey(Client, models.CASCADE, related_name="counters")
    kind = models.CharField(max_length=30)
    last = models.PositiveBigIntegerField()
    used = models.PositiveBigIntegerField(null=True)
    used_at = models.PositiveBigIntegerField(null=True)

    objects = CounterQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "kind"], name="one_counter_per_client_and_kind")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.last}"

    @property
    def at_most(self) -> int | None:
        """How many there can be now: as if none had been deleted since they were counted. None: not known."""
        return None if self.used is None or self.used_at is None else self.used + self.last - self.used_at


class ApiKey(models.Model):
    """A key of a client. The key itself is shown once and stored hashed; `prefix` tells keys apart.

    A rotation gives the row a new secret (`clients.rotation`). Prefix, scopes, path token and whatever refers to the
    row stay; the previous secret is accepted until `previous_until`.
    """

    prefix = models.CharField(max_length=keys.PREFIX_LENGTH, primary_key=True, editable=False)
    hashed_key = models.CharField(max_length=150, editable=False)
    name = models.CharField(max_length=50, help_text="What the key is for; several keys may share a name.")
    client = models.ForeignKey(Client, models.CASCADE, related_name="api_keys")
    scopes = ArrayField(models.CharField(max_length=40, choices=Scope), default=list, blank=True)
    rate_limit = models.CharField(
        max_length=20,
        blank=True,
        validators=[RegexValidator(r"^\d+/(s|sec|m|min|h|hour|d|day)\Z", _("For example 60/min."))],
        help_text="Requests per period, such as 60/min; empty uses the deployment's setting.",
    )
    created = models.DateTimeField(auto_now_add=True, db_index=True)
    revoked = models.BooleanField(default=False, help_text="A revoked key is refused. This cannot be undone.")
    networks = ArrayField(
        models.CharField(max_length=43, validators=[validate_network]),
        default=list,
        blank=True,
        help_text="Addresses and networks from which the key is accepted, such as 10.1.0.0/16; none: from everywhere.",
    )
    expiry_date = models.DateTimeField(
        "expires", null=True, blank=True, help_text="The key is refused from then on; empty: it never expires."
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    rotated_at = models.DateTimeField(null=True, blank=True, editable=False)
    previous_hash = models.CharField(max_length=150, blank=True, default="", db_default="", editable=False)
    previous_until = models.DateTimeField("previous key until", null=True, blank=True, editable=False)
    path_token_hash = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)

    objects: ClassVar[ApiKeyQuerySet] = ApiKeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created"]
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        constraints = [
            models.UniqueConstraint(
                fields=["path_token_hash"], condition=~models.Q(path_token_hash=""), name="path_token_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    def assign_key(self) -> str:
        """Give this unsaved row a new key and return the key's only copy."""
        key = keys.new_key()
        self.prefix, self.hashed_key = key.partition(".")[0], keys.hash_of(key)
        return key

    def is_valid(self, key: str) -> bool:
        """Whether this is the text of the key."""
        return keys.has_hash(key, self.hashed_key)

    def is_previous(self, key: str) -> bool:
        """Whether this was the text of the key before its last rotation."""
        return bool(self.previous_hash) and keys.has_hash(key, self.previous_hash)

    def ends_at(self, *, is_previous: bool = False) -> datetime | None:
        """When the key, or the one before the last rotation, is refused; None: never."""
        ends = [self.expiry_date, self.previous_until if is_previous else None]
        return min((end for end in ends if end is not None), default=None)

    @property
    def has_expired(self) -> bool:
        return self.expiry_date is not None and self.expiry_date < timezone.now()

    @property
    def expires_soon(self) -> bool:
        """Whether the key expires within `keys.WARNING`, or has expired."""
        return self.expiry_date is not None and self.expiry_date < timezone.now() + keys.WARNING

    def allows(self, scope: str) -> bool:
        """Whether this key may do what `scope` stands for."""
        return scope in self.scopes or INCLUDED.get(scope) in self.scopes

    @property
    def used_recently(self) -> bool:
        """Whether `last_used_at` is fresh enough to leave alone (it is written at most once a minute)."""
        return self.last_used_at is not None and timezone.now() - self.last_used_at < USE_INTERVAL


class IdempotentCall(models.Model):
    """A call that was sent with an `Idempotency-Key`, and its answer while a repetition may ask for it.

    Answers name people. Key and call are stored as keyed digests, which tell nothing of what was sent. `has_stored` is
    committed together with what the call stores; `keeps_answer` is False once the answer is erased or lost.
    """

    client = models.ForeignKey(Client, models.CASCADE, related_name="idempotent_calls")
    key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    attempt = models.UUIDField()
    process = models.CharField(max_length=100, blank=True, default="", db_default="")  # clients.processes
    created_at = models.DateTimeField(db_index=True)
    leased_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True, default="")
    has_stored = models.BooleanField(default=False)
    job = models.UUIDField(null=True)  # if it stored one
    keeps_answer = models.BooleanField(default=True)

    objects = IdempotentCallQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="one_call_per_client_and_key")]

    def __str__(self) -> str:
        return f"{self.attempt}: {self.status or 'running'}"


class DueErasure(models.Model):
    """The answers that are kept of a client's calls are to be erased; until then none of them is given."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="due_erasures")

    def __str__(self) -> str:
        return f"answers of {self.client_id}"
