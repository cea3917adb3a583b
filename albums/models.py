"""Albums: images whose faces are matched and grouped among each other."""

from __future__ import annotations

from django.db import models
from pgvector.django import HalfVectorField

from albums.querysets import (
    AlbumFaceQuerySet,
    AlbumImageQuerySet,
    AlbumQuerySet,
    FaceGroupQuerySet,
)
from clients.models import Client
from people.models import Person
from storage.fields import StoredImageField
from storage.models import StoredFace
from work.claims import ClaimedImage


class ImageStatus(models.TextChoices):
    """The life of an image in an album: it waits for its caller, then for a worker, and ends well or not."""

    UPLOADED = "uploaded"
    PENDING = "pending"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"


class Album(models.Model):
    """A set of images of one client. Faces are compared within it, in one space, which stays the same for good."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="albums")
    name = models.CharField(max_length=100)
    keep_images = models.BooleanField(
        default=False, help_text="Keep the files. Otherwise they are deleted as soon as their faces are stored."
    )
    space = models.CharField(max_length=100)
    metric = models.CharField(max_length=20)
    threshold = models.FloatField(help_text="A distance in the metric: faces nearer than this are one person's.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AlbumQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["client", "name"], name="album_name_unique")]

    def __str__(self) -> str:
        return self.name


class AlbumImage(ClaimedImage):
    """An image of an album. Its file goes when it is processed, unless the album keeps files; its faces stay."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="images")
    external_id = models.CharField(  # noqa: DJ001  unique where present
        max_length=50, null=True, blank=True, help_text="The caller's own id."
    )
    image = StoredImageField(folder="albums", owner="album.client_id", blank=True)
    status = models.CharField(max_length=12, choices=ImageStatus, default=ImageStatus.UPLOADED)
    queued_at = models.DateTimeField(null=True, blank=True)

    objects = AlbumImageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["album", "external_id"], name="album_image_external_id_unique"),
        ]
        indexes = [
            models.Index(
                fields=["status", "queued_at"],
                condition=models.Q(status__in=["pending", "processing"]),
                name="album_image_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"album image {self.pk}"


class FaceGroup(models.Model):
    """Faces of an album that show one person. The id stays when faces join; a name makes it a person of the gallery."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="groups")
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="face_groups")
    is_curated = models.BooleanField(
        default=False, help_text="Somebody named, merged or split it: new faces may join, but none is taken away."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FaceGroupQuerySet.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"group {self.pk}"

    @property
    def name(self) -> str:
        """The person's; empty while nobody is named."""
        return self.person.name if self.person else ""


class AlbumFace(StoredFace):
    """A face with its embedding in the album's space: vectors of the numbers that the engine gave, not normalised."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="faces")  # repeated for the index
    image = models.ForeignKey(AlbumImage, models.CASCADE, related_name="faces")
    group = models.ForeignKey(FaceGroup, models.SET_NULL, null=True, related_name="faces")
    index = models.PositiveIntegerField()
    embedding = HalfVectorField()  # any dimension; the album's space fixes it

    objects = AlbumFaceQuerySet.as_manager()

    class Meta:
        ordering = ["image", "index"]
        constraints = [models.UniqueConstraint(fields=["image", "index"], name="one_album_face_per_index")]

    def __str__(self) -> str:
        return f"face {self.index} of album image {self.image_id}"
