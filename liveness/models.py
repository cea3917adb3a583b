"""Liveness sessions. Frames are never stored: only salted digests that recognise them, and for minutes the face."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from clients.models import Client
from liveness.querysets import SeenFrameQuerySet, SessionQuerySet
from vectors.stored import RotatedField


class Action(models.TextChoices):
    """What a person is asked to do. Left and right are the person's own."""

    TURN_LEFT = "turn_left", "Turn the head to the left"
    TURN_RIGHT = "turn_right", "Turn the head to the right"
    CENTRE = "centre", "Look straight ahead"
    BLINK = "blink", "Close the eyes for a moment"
    MOUTH_OPEN = "mouth_open", "Open the mouth"


class Status(models.TextChoices):
    """The life of a session. An open one whose time is over counts as expired."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class LivenessSession(models.Model):
    """A challenge for one person and purpose, and what came of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(Client, models.CASCADE, related_name="liveness_sessions")
    purpose = models.CharField(max_length=50)
    subject = models.CharField(max_length=255, help_text="The person it is about, such as an external id.")
    source = models.CharField(max_length=100, blank=True, default="")
    nonce = models.CharField(max_length=64)
    actions = ArrayField(models.CharField(max_length=20, choices=Action))
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    attempts_left = models.PositiveSmallIntegerField()
    last_code = models.CharField(max_length=50, blank=True, default="", help_text="Why the last attempt failed.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    passed_at = models.DateTimeField(null=True, blank=True)
    token_id = models.CharField(max_length=64, blank=True, default="")
    redeemed_at = models.DateTimeField(null=True, blank=True)
    space = models.CharField(max_length=100, blank=True, default="")
    embedding = RotatedField(null=True, help_text="Kept until the token is used or useless.")

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return f"liveness session {self.pk}"

    @property
    def state(self) -> str:
        """The status, or `expired`."""
        expired = self.status == Status.OPEN and self.expires_at <= timezone.now()
        return "expired" if expired else str(self.status)


class SeenFrame(models.Model):
    """A frame that a client has shown. Its keyed digest recognises the same pixels of the face and nothing else."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="seen_frames")
    digest = models.CharField(max_length=64)
    attempt = models.UUIDField(help_text="Of the call that showed it first.")
    seen_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = SeenFrameQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "digest"], name="frame_seen_once")]

    def __str__(self) -> str:
        return f"seen frame {self.pk}"
