"""Galleries: who is known, from which photographs, with which embeddings."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import Any, ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from clients.models import Client, ErrorTargets
from clients.numbering import Numbered
from clients.quotas import Quota, WithFile
from people.elsewhere.rows import EnrolledFace, RemoteCall, RemoteCollection
from people.identities import KeptApart, MergedPerson
from people.moves import Respace, RespacedImage, ShadowDifference
from people.querysets import (
    CheckedPersonQuerySet,
    FaceTemplateQuerySet,
    FindingQuerySet,
    GalleryQuerySet,
    PersonQuerySet,
    ReferenceImageQuerySet,
    SearchIndexQuerySet,
)
from people.types import GalleryKind
from remote.registry import NAMES, OURS, label_of
from storage.fields import StoredImageField
from storage.models import StoredFace
from vectors.stored import RotatedField

__all__ = ["CheckedPerson", "EnrolledFace", "FaceTemplate", "Gallery", "GalleryHealth", "GalleryKind", "KeptApart",
           "LookAlikes", "MergedPerson", "OddPhotograph", "Person", "ReferenceImage", "RemoteCall", "RemoteCollection",
           "Respace", "RespacedImage", "SearchIndex", "ShadowDifference"]  # fmt: skip

INDEX_PREFIX = "people_search_index_"  # of the indexes in PostgreSQL that belong to rows of `SearchIndex`


class Gallery(ErrorTargets):
    """A set of people that is searched together. The APIs refer to one of people by its name, as `source`."""

    holds_others: ClassVar[bool] = True  # rows that may be younger than it go with it (`clients.erasure.again`)

    client = models.ForeignKey(Client, models.CASCADE, related_name="galleries")
    kind = models.CharField(max_length=10, choices=GalleryKind, default=GalleryKind.PEOPLE)
    name = models.CharField(max_length=100)
    space = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="The space that decides; manage.py respace changes it. Empty: the deployment's default.",
    )
    threshold = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="The largest distance that counts as a match here; empty: what the targets below allow.",
    )
    backend = models.CharField(
        "back end",
        max_length=30,
        choices=[(name, label_of(name)) for name in NAMES],
        default=OURS,
        db_default=OURS,
        help_text="What keeps and searches the faces; manage.py respace --to-backend changes it.",
    )
    former_backend = models.CharField(max_length=30, blank=True, default="", db_default="", editable=False)
    # Space and threshold before the last switch, until the old templates are forgotten; see `people.respacing`.
    former_space = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    former_threshold = models.FloatField(null=True, blank=True, editable=False)
    is_default = models.BooleanField(default=False, help_text="Used by calls that name no gallery.")
    two_person_review = models.BooleanField(default=False, db_default=False, help_text="Two judge each hit.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GalleryQuerySet.as_manager()

    class Meta(ErrorTargets.Meta):
        abstract = False
        ordering = ["kind", "name", "id"]
        verbose_name_plural = "galleries"
        constraints = [
            *ErrorTargets.Meta.constraints,
            models.UniqueConstraint(fields=["client", "kind", "name"], name="gallery_name_unique"),
            models.UniqueConstraint(
                fields=["client", "kind"], condition=Q(is_default=True), name="one_default_gallery_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(threshold__isnull=True) | Q(threshold__gt=0),
                name="gallery_threshold_positive",
                violation_error_message="The threshold must be greater than 0.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_remote(self) -> bool:
        """Whether a service elsewhere keeps and searches the faces."""
        return self.backend != OURS


class Person(Numbered):
    """A person whom a client knows, in one of the client's galleries."""

    counted_as = "person"
    quota = Quota.PEOPLE
    kept_in: ClassVar[GalleryKind] = GalleryKind.PEOPLE  # where a person without a gallery is put

    client = models.ForeignKey(Client, models.CASCADE, related_name="people")
    # A gallery with people is deleted together with its client only; see `delete_gallery`.
    gallery = models.ForeignKey(Gallery, models.CASCADE, related_name="people")
    # The gallery's kind, repeated here: a constraint cannot look into another table, and lists need no join.
    kind = models.CharField(max_length=10, choices=GalleryKind, default=GalleryKind.PEOPLE, editable=False)
    external_id = models.CharField(max_length=512, null=True, blank=True)  # noqa: DJ001  unique where present
    name = models.CharField(max_length=100, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    legal_basis = models.CharField(max_length=500, blank=True, default="", db_default="")  # or a note of the consent
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="person_number_unique"),
            models.UniqueConstraint(fields=["gallery", "external_id"], name="person_external_id_unique"),
            # Known people may share a name; a blacklist is curated by it.
            models.UniqueConstraint(
                fields=["gallery", "name"], condition=Q(kind=GalleryKind.BLACKLIST), name="blacklist_name_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id or f"person {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            if self.gallery_id is None:
                self.gallery = Gallery.objects.default_of(self.client, self.kept_in)
            self.kind = self.gallery.kind
        super().save(*args, **kwargs)


class ReferenceImage(StoredFace, WithFile, Numbered):
    """A photograph with exactly one usable face of a person."""

    counted_as = "reference image"
    owner = "person__client_id"
    quota = Quota.TEMPLATES

    person = models.ForeignKey(Person, models.CASCADE, related_name="reference_images")
    image = StoredImageField(folder="references", owner="person.client_id")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    original_name = models.CharField(max_length=255, blank=True, default="")
    content_hash = models.CharField(  # SHA-256 of the file; empty without one
        max_length=64, blank=True, default="", db_default="", editable=False
    )
    is_primary = models.BooleanField(
        default=False, db_default=False, help_text="Shown for the person; without a chosen one, the first is shown."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReferenceImageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["person", "number"], name="reference_image_number_unique"),
            models.UniqueConstraint(fields=["person"], condition=Q(is_primary=True), name="one_primary_image"),
        ]
        indexes = [models.Index(fields=["content_hash"], condition=~Q(content_hash=""), name="image_content_hash")]

    def __str__(self) -> str:
        return f"reference image {self.number}"

    @property
    def file_name(self) -> str:
        """The stored name without folders."""
        return PurePosixPath(self.image.name or "").name


class FaceTemplate(models.Model):
    """The embedding of a reference image in one space. Embeddings of different spaces are never compared."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Client and gallery are the person's, repeated here so that a search reads one table. The index below begins with
    # the client.
    client = models.ForeignKey(Client, models.CASCADE, related_name="face_templates", db_index=False)
    gallery = models.ForeignKey(Gallery, models.CASCADE, related_name="face_templates", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="face_templates")
    reference_image = models.ForeignKey(ReferenceImage, models.CASCADE, related_name="face_templates")
    space = models.CharField(max_length=100)
    embedding = RotatedField()  # any dimension; the space fixes it
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FaceTemplateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference_image", "space"], name="one_template_per_image_and_space"),
        ]
        indexes = [models.Index(fields=["client", "space", "gallery"], name="template_client_space_gallery")]

    def __str__(self) -> str:
        return f"template {self.pk} in {self.space}"


class SearchIndex(models.Model):
    """What is known of the approximate index of a large gallery, in the space that decides there.

    PostgreSQL holds the index itself, under `name`. Searches use it while `is_used` is true.
    """

    gallery = models.OneToOneField(Gallery, models.CASCADE, related_name="search_index")
    space = models.CharField(max_length=100)
    dimensions = models.PositiveIntegerField()
    operator = models.CharField(max_length=3)  # one of `vision.distances.OPERATORS`, by which it orders
    is_used = models.BooleanField(default=False)
    problem = models.CharField(max_length=300, blank=True, default="")  # why it is not used
    templates = models.PositiveIntegerField(default=0)  # in the gallery when the recall was measured
    last_template = models.BigIntegerField(default=0)  # the highest id at that time
    ef_search = models.PositiveIntegerField(default=0)  # candidates that a search looks at
    # What it finds of what exact searches find, 0 to 1; see `people.indexing.Recall`.
    recall = models.FloatField(null=True)  # people within the threshold
    recall_first = models.FloatField(null=True)  # the nearest person
    recall_nearest = models.FloatField(null=True)  # the ten nearest people, however far
    build_seconds = models.FloatField(null=True)
    size = models.BigIntegerField(null=True)  # bytes
    built_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)

    objects = SearchIndexQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "search indexes"

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{INDEX_PREFIX}{self.pk}"


class GalleryHealth(models.Model):
    """How far the people of a gallery have been compared with one another; see `people.health`."""

    gallery = models.OneToOneField(Gallery, models.CASCADE, related_name="health")
    space = models.CharField(max_length=100)
    threshold = models.FloatField()  # findings are complete for thresholds near this one
    round = models.PositiveIntegerField(default=1)  # rises when everybody has to be compared again
    started_at = models.DateTimeField(null=True)  # of the computation that is under way
    computed_at = models.DateTimeField(null=True)  # when the last one ended

    def __str__(self) -> str:
        return f"health of gallery {self.gallery_id}"


class CheckedPerson(models.Model):
    """A person who was compared with the others of a gallery, and by which templates.

    `reason` is that of the best photograph if all are poor, and empty otherwise.
    """

    person = models.OneToOneField(Person, models.CASCADE, primary_key=True, related_name="checked")
    health = models.ForeignKey(GalleryHealth, models.CASCADE, related_name="people")
    round = models.PositiveIntegerField()
    templates = models.PositiveIntegerField()
    last_template = models.BigIntegerField()  # the highest id
    best_image = models.ForeignKey(ReferenceImage, models.CASCADE, related_name="+")
    recognisability = models.FloatField(null=True)  # of the best photograph, 0 to 1
    reason = models.CharField(max_length=20, blank=True, default="")

    objects = CheckedPersonQuerySet.as_manager()

    class Meta:
        ordering = ["recognisability", "person"]
        indexes = [models.Index(fields=["health", "recognisability"], condition=~Q(reason=""), name="poor_people")]

    def __str__(self) -> str:
        return f"person {self.person_id} in the health of a gallery"


class LookAlikes(models.Model):
    """Two people of a gallery who look like one another, by their two nearest photographs. `person` is the older."""

    health = models.ForeignKey(GalleryHealth, models.CASCADE, related_name="look_alikes")
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    other = models.ForeignKey(Person, models.CASCADE, related_name="+")
    image = models.ForeignKey(ReferenceImage, models.CASCADE, related_name="+")
    other_image = models.ForeignKey(ReferenceImage, models.CASCADE, related_name="+")
    distance = models.FloatField()

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["distance", "id"]
        constraints = [models.UniqueConstraint(fields=["person", "other"], name="look_alikes_once")]
        indexes = [models.Index(fields=["health", "distance"], name="look_alikes_nearest")]

    def __str__(self) -> str:
        return f"people {self.person_id} and {self.other_id}"


class OddPhotograph(models.Model):
    """A photograph that looks unlike the others of its person, and its distance to the nearest of these."""

    image = models.OneToOneField(ReferenceImage, models.CASCADE, primary_key=True, related_name="+")
    health = models.ForeignKey(GalleryHealth, models.CASCADE, related_name="odd_photographs")
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    distance = models.FloatField()

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["-distance", "image"]
        indexes = [models.Index(fields=["health", "-distance"], name="odd_photographs_furthest")]

    def __str__(self) -> str:
        return f"photograph {self.image_id}"
