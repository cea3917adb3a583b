"""What a key is for: which of CompreFace's services it opens, and whose faces they know."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clients.models import ApiKey, Client
from people.models import Gallery


class ServiceKind(models.TextChoices):
    """CompreFace's kinds of services, and a key that shows stored photographs in pages and does nothing else."""

    RECOGNITION = "R", "Recognition"
    DETECTION = "D", "Detection"
    VERIFICATION = "V", "Verification"
    IMAGES = "I", "Images"


class Service(models.Model):
    """The services of an API key. A key without a row has them all, and the client's default gallery.

    `digest` is that of the UUID which an earlier server gave out, and by which the key is known as well. Where the
    gallery of a recognition service was deleted, the service is not found until it gets another.
    """

    client = models.ForeignKey(Client, models.CASCADE, related_name="compreface_services")
    api_key = models.OneToOneField(ApiKey, models.CASCADE, related_name="compreface_service")
    name = models.CharField(max_length=255)
    kinds = ArrayField(models.CharField(max_length=1, choices=ServiceKind))
    gallery = models.ForeignKey(
        Gallery, models.SET_NULL, null=True, blank=True, related_name="+", help_text="Whom recognition knows."
    )
    digest = models.CharField(max_length=150, blank=True, default="", editable=False)
    origins = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        help_text="Sites whose pages may call with this key, such as https://example.org; * is every site, none"
        " leaves it to the deployment.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["digest"], condition=~Q(digest=""), name="compreface_digest_unique")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_alias(self) -> bool:
        """Whether it is known by a UUID of an earlier server."""
        return bool(self.digest)
