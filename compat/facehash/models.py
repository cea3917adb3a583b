"""Which gallery the users of a key are in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from clients.models import ApiKey, Client
from people.models import Gallery


class KeyGallery(models.Model):
    """The gallery of an API key, or, without a key, of a client's callers who have none."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="facehash_galleries")
    api_key = models.OneToOneField(ApiKey, models.CASCADE, null=True, blank=True, related_name="facehash_gallery")
    gallery = models.ForeignKey(Gallery, models.CASCADE, related_name="facehash_keys")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client"], condition=Q(api_key=None), name="one_keyless_gallery_of_a_client"
            )
        ]

    def __str__(self) -> str:
        return f"{self.gallery} of {self.api_key or 'callers without a key'}"
