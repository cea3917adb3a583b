"""What albums' endpoints take and return."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from albums.models import STATES, Album, AlbumFace, AlbumImage, FaceGroup
from rest.examples import PHOTOGRAPH, example
from rest.fields import DistanceField, OptionalBoolean, TextOrNull
from work.api.serializers import ImageList


@example(name="Summer party")
class AlbumInput(serializers.Serializer):  # type: ignore[type-arg]
    """A new album."""

    name = serializers.CharField(min_length=1, max_length=100)
    keep_images = OptionalBoolean(required=False, help_text="Keep the files after they are processed.")
    threshold = DistanceField(required=False, min_value=0, help_text="A distance; 0 or absent: by the number of faces.")


@example(name="Summer party")
class AlbumPatch(AlbumInput):
    """Only what is to change."""

    name = serializers.CharField(min_length=1, max_length=100, required=False)
    threshold = DistanceField(required=False, min_value=0.000001, help_text="A distance; it applies at once.")


class AlbumSerializer(serializers.ModelSerializer[Album]):
    """An album with the number of its images in each state. `running`: waiting for a worker, or being processed."""

    id = serializers.IntegerField(source="number", read_only=True)
    total = serializers.IntegerField()
    uploaded = serializers.IntegerField()
    running = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()

    class Meta:
        model = Album
        fields = [
            "id", "uuid", "name", "keep_images", "metric", "threshold", "created_at", "total", "uploaded",
            "running", "done", "failed",
        ]  # fmt: skip


@example(images=[PHOTOGRAPH])
class AlbumUpload(ImageList):
    """Images to add."""


class AlbumFaceSerializer(serializers.ModelSerializer[AlbumFace]):
    """A face: its box in pixels of the upright image, and the group of its person."""

    id = serializers.IntegerField(source="number")
    face_index = serializers.IntegerField(source="index")
    x = serializers.IntegerField(source="box_x")
    y = serializers.IntegerField(source="box_y")
    w = serializers.IntegerField(source="box_w")
    h = serializers.IntegerField(source="box_h")
    image_id = serializers.IntegerField(source="image.number")
    group_id = serializers.IntegerField(source="group.number", allow_null=True)

    class Meta:
        model = AlbumFace
        fields = ["id", "image_id", "face_index", "group_id", "x", "y", "w", "h", "confidence", "quality"]


class AlbumImageSerializer(serializers.ModelSerializer[AlbumImage]):
    """An image with its faces, once it is `done`. `has_file`: whether its bytes are still stored."""

    id = serializers.IntegerField(source="number", read_only=True)
    status = serializers.ChoiceField(choices=STATES)
    faces = AlbumFaceSerializer(many=True)
    error = TextOrNull()
    error_code = TextOrNull()
    has_file = serializers.BooleanField(source="image", read_only=True)

    class Meta:
        model = AlbumImage
        fields = [
            "id", "uuid", "identifier", "external_id", "status", "error", "error_code", "width", "height", "has_file",
            "created_at", "finished_at", "milliseconds", "faces",
        ]  # fmt: skip


class ImageMatchSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Another image with a person of this one: the closest pair of faces, by their index in each image."""

    image_id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    face = serializers.IntegerField()
    other_face = serializers.IntegerField()
    distance = serializers.FloatField()
    similarity = serializers.FloatField(help_text="0 to 1; 0.7 where one pair of strangers in 10,000 is as alike.")


@example(images=[1, 2])
class ProcessAlbum(serializers.Serializer):  # type: ignore[type-arg]
    """Which uploaded images to process; all of them by default."""

    images: Any = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**62), required=False)


class Queued(serializers.Serializer):  # type: ignore[type-arg]
    """How many images this call has queued."""

    queued = serializers.IntegerField()


class FaceGroupSerializer(serializers.ModelSerializer[FaceGroup]):
    """One person of the album. `name` is that of the gallery's person, empty until the group is named."""

    id = serializers.IntegerField(source="number", read_only=True)
    name = serializers.CharField()
    person_id = serializers.IntegerField(source="person.number", allow_null=True)
    size = serializers.IntegerField()
    faces = AlbumFaceSerializer(many=True)

    class Meta:
        model = FaceGroup
        fields = ["id", "uuid", "name", "person_id", "is_curated", "size", "faces"]


@example(name="Ada Lovelace")
class GroupName(serializers.Serializer):  # type: ignore[type-arg]
    """The name of a group's person."""

    name = serializers.CharField(min_length=1, max_length=100)


@example(groups=[2, 3])
class GroupIds(serializers.Serializer):  # type: ignore[type-arg]
    """Groups to merge into one."""

    groups: Any = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**62), max_length=1000)


@example(faces=[4])
class FaceIds(serializers.Serializer):  # type: ignore[type-arg]
    """Faces to split off."""

    faces: Any = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**62), max_length=1000)
