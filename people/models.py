"""The gallery: who is known, from which photographs, with which embeddings."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.db import models
from django.db.models import Q
from pgvector.django import HalfVectorField

from clients.models import Client
from people.querysets import (
    BLACKLIST,
    FaceTemplateQuerySet,
    PersonQuerySet,
    ReferenceImageQuerySet,
)
from storage.fields import StoredImageField
from storage.models import StoredFace

__all__ = ["BLACKLIST", "FaceTemplate", "Person", "ReferenceImage"]


class Person(models.Model):
    """Somebody a client knows. `source` splits a client's people into sub-galleries."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="people")
    source = models.CharField(max_length=100, blank=True, default="")
    external_id = models.CharField(max_length=512, null=True, blank=True)  # noqa: DJ001  unique where present
    name = models.CharField(max_length=100, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["client", "source", "external_id"], name="person_external_id_unique"),
            models.UniqueConstraint(
                fields=["client", "name"], condition=Q(source=BLACKLIST), name="blacklist_name_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id or f"person {self.pk}"


class ReferenceImage(StoredFace):
    """A photograph with exactly one usable face of a person."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="reference_images")
    image = StoredImageField(folder="references", owner="person.client_id")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    original_name = models.CharField(max_length=255, blank=True, default="")
    content_hash = models.CharField(  # SHA-256 of the file; empty for images stored before it was kept
        max_length=64, blank=True, default="", db_default="", editable=False
    )
    is_primary = models.BooleanField(
        default=False, db_default=False, help_text="Shown for the person; where none is chosen, the first one is."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReferenceImageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(is_primary=True), name="one_primary_image"),
        ]
        indexes = [models.Index(fields=["content_hash"], condition=~Q(content_hash=""), name="image_content_hash")]

    def __str__(self) -> str:
        return f"reference image {self.pk}"

    @property
    def file_name(self) -> str:
        """The stored name without folders."""
        return PurePosixPath(self.image.name or "").name


class FaceTemplate(models.Model):
    """The embedding of a reference image in one space. Embeddings of different spaces are never compared."""

    # Client and source are the person's, repeated here so that a search reads one table.
    client = models.ForeignKey(Client, models.CASCADE, related_name="face_templates")
    source = models.CharField(max_length=100, blank=True, default="", db_default="")
    person = models.ForeignKey(Person, models.CASCADE, related_name="face_templates")
    reference_image = models.ForeignKey(ReferenceImage, models.CASCADE, related_name="face_templates")
    space = models.CharField(max_length=100)
    embedding = HalfVectorField()  # any dimension; the space fixes it
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FaceTemplateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference_image", "space"], name="one_template_per_image_and_space"),
        ]
        indexes = [models.Index(fields=["client", "space", "source"], name="template_client_space_source")]

    def __str__(self) -> str:
        return f"template {self.pk} in {self.space}"
