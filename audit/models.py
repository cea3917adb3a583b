"""Tables of the audit: rows that are only added, the seals over them, and the switch that stops searching.

`audit` lies below `clients`, because keys and clients are recorded as well: it knows a client by its foreign key alone,
without a constraint, so that rows outlive their client.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from audit.querysets import (
    CheckpointQuerySet,
    ReceiptQuerySet,
    RecordQuerySet,
    SealQuerySet,
    StopQuerySet,
    UnsealedQuerySet,
)
from audit.types import Action, Erased

ACTOR_KINDS = [(kind, kind) for kind in ("key", "user", "command", "worker", "anonymous")]


def _client(**options: Any) -> models.ForeignKey[Any, Any]:
    """The client whose row this is; empty: the deployment's. Nothing is deleted with a client."""
    return models.ForeignKey(
        "clients.Client", models.DO_NOTHING, null=True, blank=True, db_constraint=False, related_name="+", **options
    )


class Record(models.Model):
    """Who did what, when, to whom. Never a name of a person, an image or an embedding; objects are named by number."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField("time", db_default=Now())
    client = _client(db_index=False)
    action = models.CharField(max_length=20, choices=Action)
    actor_kind = models.CharField(max_length=10, choices=ACTOR_KINDS)
    actor = models.CharField(
        max_length=100, blank=True, default="", help_text="Prefix of a key, number of a user, or name of a command."
    )
    address = models.CharField(max_length=100, blank=True, default="")
    request_id = models.CharField(max_length=128, blank=True, default="")
    objects_named = ArrayField(
        models.CharField(max_length=100), default=list, blank=True, help_text="Such as person:12 or job:<uuid>."
    )
    galleries = ArrayField(models.BigIntegerField(), default=list, blank=True, help_text="That were searched.")
    gallery_people = models.BigIntegerField(null=True, blank=True, help_text="How many people they held.")
    gallery_version = models.CharField(max_length=16, blank=True, default="")
    space = models.CharField(max_length=100, blank=True, default="", help_text="Of the embeddings: the model.")
    threshold = models.FloatField(null=True, blank=True, help_text="A distance.")
    results = models.BigIntegerField(null=True, blank=True, help_text="How many results, or rows, there were.")

    objects = RecordQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["client", "-at", "-id"], name="audit_record_of_client"),
            GinIndex(fields=["objects_named"], name="audit_record_objects"),
        ]
        verbose_name = "audit record"

    def __str__(self) -> str:
        return f"{self.pk}: {self.action}"


class Seal(models.Model):
    """One batch of a client's rows, in their order, chained to the batch before (`audit.sealing`).

    `record_ids` and `record_hashes` (32 bytes each) are emptied when the rows' time is over; `digest` and `count` stay.
    """

    client = _client(db_index=False)
    number = models.PositiveBigIntegerField(help_text="From 1, without a gap.")
    sealed_at = models.DateTimeField()
    count = models.PositiveIntegerField()
    record_ids = ArrayField(models.BigIntegerField(), default=list)
    record_hashes = models.BinaryField(default=bytes)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the rows' hashes, one after the other.")
    previous = models.CharField(max_length=64, help_text="The hash of the seal before.")
    hash = models.CharField(max_length=64)
    signature = models.CharField(max_length=128, help_text="Ed25519, of the hash.")

    objects = SealQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["client", "number"], name="audit_no_fork", nulls_distinct=False)]

    def __str__(self) -> str:
        return f"seal {self.number} of {self.client_id or 'the deployment'}"


class Unsealed(models.Model):
    """A row that no seal holds yet, and its transaction. A trigger of `Record` writes it, the sealing deletes it."""

    record_id = models.BigIntegerField(primary_key=True)
    client_id = models.BigIntegerField(null=True)
    transaction = models.BigIntegerField()

    objects = UnsealedQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.record_id)


class Checkpoint(models.Model):
    """The rows of a client up to this seal have been erased because their time was over."""

    client = _client(db_index=False)
    seal_number = models.PositiveBigIntegerField()
    seal_hash = models.CharField(max_length=64)
    records = models.PositiveBigIntegerField(help_text="How many rows were erased.")
    made_at = models.DateTimeField()
    signature = models.CharField(max_length=128)

    objects = CheckpointQuerySet.as_manager()

    def __str__(self) -> str:
        return f"rows up to seal {self.seal_number} of {self.client_id or 'the deployment'}"


class Stop(models.Model):
    """No face is searched for while this row exists: for a client, or for everybody without one."""

    client = _client()
    since = models.DateTimeField(auto_now_add=True)

    objects = StopQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client"], name="audit_one_stop", nulls_distinct=False)]

    def __str__(self) -> str:
        return "stop for everybody" if self.client_id is None else f"stop for client {self.client_id}"


class Receipt(models.Model):
    """What was erased, when, and what remains. It outlives whatever it is about, and names it by keyed hashes alone.

    Signed and appended to a file by a recurring task (`audit.receipts`), because only that process has the key.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField("time")
    client = _client(db_index=False)
    client_hashed = models.CharField(max_length=64)
    kind = models.CharField(max_length=20, choices=Erased)
    of = models.UUIDField(null=True, help_text="The receipt whose search found these faces.")
    objects_hashed = ArrayField(models.CharField(max_length=64), default=list)
    taken = models.JSONField(default=dict, help_text="How many of each kind.")
    remaining = models.JSONField(default=list, help_text="What is still there, why, and how long.")
    signature = models.CharField(max_length=128, blank=True, default="")

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["client", "-at", "-id"], name="audit_receipt_of_client"),
            models.Index(fields=["id"], condition=models.Q(signature=""), name="audit_receipt_unsigned"),
        ]

    def __str__(self) -> str:
        return f"receipt {self.uuid}"

    def count(self, name: str) -> int:
        """How many of these were erased."""
        return int(self.taken.get(name, 0))
