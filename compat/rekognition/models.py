"""Secrets with which callers sign, and what Rekognition knows of a face beyond a reference image."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models

from clients.models import ApiKey, Client
from people.models import ReferenceImage


class SigningSecret(models.Model):
    """That a key may sign, and which of its secrets counts. The secrets themselves are derived (`secrets.py`).

    `number` rises with every new secret; the one before counts until `previous_until`.
    """

    api_key = models.OneToOneField(ApiKey, models.CASCADE, primary_key=True, related_name="signing_secret")
    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(default=1)
    previous_until = models.DateTimeField(null=True)
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"secret {self.number} of key {self.api_key_id}"

    def numbers(self, *, now: datetime) -> list[int]:
        """The newest first, and the one before while it is accepted."""
        return [self.number, *([self.number - 1] if self.previous_until and self.previous_until > now else [])]


class IndexedFace(models.Model):
    """What a face was indexed with. Its box is a share of the photograph that was sent: `left`, `top`, and so on."""

    reference_image = models.OneToOneField(
        ReferenceImage, models.CASCADE, primary_key=True, related_name="indexed_face"
    )
    client = models.ForeignKey(Client, models.CASCADE, related_name="+")
    image_id = models.UUIDField()  # of the photograph: the faces of one have the same
    external_image_id = models.CharField(max_length=255, blank=True, default="")
    left = models.FloatField()
    top = models.FloatField()
    width = models.FloatField()
    height = models.FloatField()

    def __str__(self) -> str:
        return f"face {self.pk}"
