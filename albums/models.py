"""Albums: images whose faces are matched and grouped among each other."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models, transaction

from albums.querysets import (
    AlbumFaceQuerySet,
    AlbumImageQuerySet,
    AlbumQuerySet,
    ApartGroupsQuerySet,
    FaceGroupQuerySet,
)
from clients.models import Client
from clients.numbering import Numbered
from clients.quotas import WithFile
from people.models import Person
from storage.fields import StoredImageField
from storage.files import erase_files
from storage.models import StoredFace
from vectors.stored import RotatedField
from vision.types import Box
from work.models import ClaimedImage, Status

STATES = [
    (status.value, status.label)
    for status in (Status.UPLOADED, Status.PENDING, Status.PROCESSING, Status.DONE, Status.FAILED)
]


class Album(Numbered):
    """A set of images of one client. Its faces are compared among each other, always in the same space.

    Groups and faces are numbered within their album, which is locked for that (`AlbumQuerySet.lock`).
    """

    counted_as: ClassVar[str] = "album"

    client = models.ForeignKey(Client, models.CASCADE, related_name="albums")
    name = models.CharField(max_length=100)
    keep_images = models.BooleanField(
        default=False, help_text="Keep the files. Otherwise they are deleted as soon as their faces are stored."
    )
    space = models.CharField(max_length=100)
    metric = models.CharField(max_length=20)
    threshold = models.FloatField(
        help_text="A distance in the metric: faces nearer than this were one person's when the groups were last judged."
    )
    own_threshold = models.BooleanField(
        default=False, help_text="Keep this threshold. Otherwise it follows the number of faces."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_group = models.PositiveBigIntegerField(default=0, editable=False, help_text="The last number given out.")
    last_face = models.PositiveBigIntegerField(default=0, editable=False, help_text="The last number given out.")

    objects = AlbumQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["client", "name"], name="album_name_unique"),
            models.UniqueConstraint(fields=["client", "number"], name="album_number_unique"),
            models.CheckConstraint(condition=models.Q(threshold__gt=0), name="album_threshold_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class AlbumImage(ClaimedImage, WithFile, Numbered):
    """An image of an album: uploaded, later queued, then processed.

    Its file goes when it is processed, unless the album keeps files; its faces stay.
    """

    task = "albums.tasks.process_images"
    owner = "album__client_id"
    searches = True
    counted_as: ClassVar[str] = "album_image"

    album = models.ForeignKey(Album, models.CASCADE, related_name="images")
    external_id = models.CharField(  # noqa: DJ001  unique where present
        max_length=50, null=True, blank=True, help_text="The caller's own id."
    )
    image = StoredImageField(folder="albums", owner="album.client_id", blank=True)

    objects = AlbumImageQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["album", "external_id"], name="album_image_external_id_unique"),
            models.UniqueConstraint(fields=["album", "number"], name="album_image_number_unique"),
        ]
        indexes = [
            models.Index(
                fields=["status", "queued_at"],
                condition=models.Q(status__in=["pending", "processing"]),
                name="album_image_unfinished",
            ),
            models.Index(
                fields=["album", "status"], condition=~models.Q(status="done"), name="album_image_to_look_after"
            ),
        ]

    def __str__(self) -> str:
        return f"album image {self.pk}"

    @property
    def named_faces(self) -> list[tuple[str, Box]]:
        """Its faces with the names of their groups (empty: not named), for images loaded with `with_names`."""
        return [(face.group.name if face.group else "", face.box) for face in self.faces.all()]

    @transaction.atomic
    def finish(self, status: Status, **outcome: Any) -> bool:
        """Holds the album until the transaction ends, so that the second of two images that are processed at the same
        moment finds the groups of the first. Drops the file unless the album keeps files, after the commit: until then
        a worker that dies has lost nothing.
        """
        file, album = self.image, Album.objects.lock(self.album_id)
        if album is None:
            return False
        if album.keep_images:
            return super().finish(status, **outcome)
        stored = super().finish(status, image="", **outcome)
        if stored:
            erase_files(files=[file], robust=True)
        return stored


class FaceGroup(models.Model):
    """Faces of an album that show one person. Its ids stay when faces join; a name makes it a person of the gallery."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="groups")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.PositiveBigIntegerField(editable=False)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="face_groups")
    is_curated = models.BooleanField(
        default=False, help_text="Named, merged or split by hand: new faces may join, but none is taken away."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FaceGroupQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        verbose_name, verbose_name_plural = "person of an album", "people in albums"
        constraints = [models.UniqueConstraint(fields=["album", "number"], name="face_group_number_unique")]

    def __str__(self) -> str:
        return f"group {self.pk}"

    @property
    def name(self) -> str:
        """That of the person; empty for a group that was not named."""
        return self.person.name if self.person else ""


class ApartGroups(models.Model):
    """Two groups of an album of which somebody has said that they show different people. `first` is the older one."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="+")  # repeated for the walls in the database
    first = models.ForeignKey(FaceGroup, models.CASCADE, related_name="+")
    second = models.ForeignKey(FaceGroup, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ApartGroupsQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="apart_groups_once"),
            models.CheckConstraint(condition=models.Q(first__lt=models.F("second")), name="apart_groups_older_first"),
        ]

    def __str__(self) -> str:
        return f"groups {self.first_id} and {self.second_id}"


class AlbumFace(StoredFace):
    """A face with its embedding in the album's space, not normalised: the numbers are those that the engine gave."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="faces")  # repeated for the index
    image = models.ForeignKey(AlbumImage, models.CASCADE, related_name="faces")
    number = models.PositiveBigIntegerField(editable=False)
    group = models.ForeignKey(FaceGroup, models.SET_NULL, null=True, related_name="faces")
    index = models.PositiveIntegerField()
    embedding = RotatedField()  # any dimension; the album's space fixes it

    objects = AlbumFaceQuerySet.as_manager()

    class Meta:
        ordering = ["image", "index"]
        constraints = [
            models.UniqueConstraint(fields=["image", "index"], name="one_album_face_per_index"),
            models.UniqueConstraint(fields=["album", "number"], name="album_face_number_unique"),
        ]
        indexes = [models.Index(fields=["album", "group", "-box_w", "id"], name="album_face_largest_of_group")]

    def __str__(self) -> str:
        return f"face {self.index} of album image {self.image_id}"
